import Foundation

/// A page of docs/, whose commands a test runs as they stand there.
public struct Page: Sendable {
    public let text: String

    /// - Parameter name: such as "backup.md".
    public init(_ name: String) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../../docs")
        text = try String(contentsOf: folder.standardized.appending(path: name), encoding: .utf8)
    }

    /// What stands in blocks that begin with "```sh LABEL", in the page's order.
    ///
    /// - Throws: ``LabError`` where there is none.
    public func commands(_ label: String) throws -> [String] {
        let blocks = text.components(separatedBy: "```sh \(label)\n").dropFirst()
        guard !blocks.isEmpty else { throw LabError("the page has no block \"```sh \(label)\"") }
        return blocks.compactMap { $0.components(separatedBy: "```").first }
    }
}
