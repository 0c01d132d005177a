import Foundation

/// A page of docs/, whose commands and files a test takes as they stand there.
public struct Page: Sendable {
    public let text: String
    private let name: String

    /// - Parameter name: such as "backup.md".
    public init(_ name: String) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../../docs")
        text = try String(contentsOf: folder.standardized.appending(path: name), encoding: .utf8)
        self.name = name
    }

    /// The code blocks that carry this mark, such as "sh backup", in the page's order.
    ///
    /// - Throws: ``LabError`` where there is none.
    public func blocks(_ mark: String) throws -> [String] {
        let parts = text.components(separatedBy: "```\(mark)\n").dropFirst()
        guard !parts.isEmpty else { throw LabError("docs/\(name) has no block \"\(mark)\"") }
        return parts.compactMap { $0.components(separatedBy: "```").first }
    }
}
