public import KnocknocSystem

/// haproxy.cfg as it is, and as it will be with another part of ours.
public struct HAProxyDraft: Sendable {
    /// What is there; nil where there is no file yet.
    public let old: [UInt8]?
    /// The same in its parts, or what a file of our own begins with.
    public let text: HAProxyText
    /// What will be there.
    public private(set) var bytes: [UInt8]

    public var path: String { text.path }
    public var changes: Bool { old != bytes }

    /// - Throws: ``SystemError`` where the file cannot be read, `invalid` where the marks in it do not fit together.
    public init(of path: String, marks: HAProxyMarks) throws(SystemError) {
        old = try SystemFile(path).bytes()
        bytes = old ?? Array(HAProxyText.preamble.utf8)
        text = try HAProxyText(bytes, path: path, marks: marks)
    }

    /// - Parameter part: ours; nil takes it away.
    public mutating func put(part: String?) { bytes = text.with(part: part) }

    /// What is another, for people: secrets are left out.
    public var diff: String {
        LineDiff.unified(
            Redaction.of(String(decoding: old ?? [], as: UTF8.self)),
            Redaction.of(String(decoding: bytes, as: UTF8.self)), name: path)
    }

    /// Has HAProxy itself check the file as it will be; what that refers to has to be there.
    ///
    /// - Throws: ``SystemError`` `invalid` with HAProxy's words.
    public func check(_ console: any Console) async throws {
        try await HAProxyCheck.verify(bytes, as: path, console)
        if text.inheritsOurDefaults { console.note(HAProxyCheck.heirs(path)) }
    }

    /// Prints the whole file as it will be.
    public func print(to console: any Console) {
        var text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        console.tell(text)
    }
}
