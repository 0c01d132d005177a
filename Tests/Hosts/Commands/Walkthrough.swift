import Foundation
import Lab

/// The commands that a page of the documents shows for one purpose, in their order.
///
/// Such a block begins with ```` ```sh PURPOSE MACHINE… ````; a test takes one after the other, so that the page cannot
/// say another thing than what is tested.
struct Walkthrough {
    struct Block: Sendable {
        var machines: [String]
        var text: String
    }

    private var blocks: ArraySlice<Block>

    /// - Parameter addresses: what the page's network stands for, both as the beginning of an address.
    init(_ name: String, purpose: String, addresses: (page: String, lab: String)) throws {
        var blocks: [Block] = []
        var open: Block?
        for line in try Page(name).text.components(separatedBy: "\n") {
            let line = line.trimmingCharacters(in: .whitespaces)
            let words = line.split(separator: " ").map(String.init)
            if let block = open {
                if line == "```" {
                    blocks.append(block)
                    open = nil
                } else {
                    open?.text += line.replacingOccurrences(of: addresses.page, with: addresses.lab) + "\n"
                }
            } else if words.count > 2, words[0] == "```sh", words[1] == purpose {
                open = Block(machines: Array(words.dropFirst(2)), text: "")
            }
        }
        self.blocks = blocks[...]
    }

    /// The commands that come next.
    ///
    /// - Throws: where the page has them for other machines.
    mutating func next(on machines: String...) throws -> String {
        guard let block = blocks.popFirst() else { throw LabError("the page has no more commands, for \(machines)") }
        guard block.machines == machines else {
            throw LabError("the page has commands for \(block.machines) where \(machines) should come:\n\(block.text)")
        }
        return block.text
    }

    var isDone: Bool { blocks.isEmpty }
}

extension Machine {
    /// Types these lines, at home.
    ///
    /// - Returns: what is seen on the screen.
    @discardableResult
    func type(_ lines: String, input: String = "") async throws -> String {
        let result = try await run(["bash", "-euo", "pipefail", "-c", "cd\n" + lines], input: input)
        return result.errors + result.text
    }
}

extension [Machine] {
    /// Types these lines on all of them at once.
    func type(_ lines: String, input: String = "") async throws {
        try await withThrowingTaskGroup { group in
            for machine in self { group.addTask { try await machine.type(lines, input: input) } }
            try await group.waitForAll()
        }
    }
}
