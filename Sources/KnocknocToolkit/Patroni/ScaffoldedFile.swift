/// A file that `knocknoc scaffold` writes.
public struct ScaffoldedFile: Hashable, Sendable {
    /// Below the folder that was asked for.
    public var path: String
    public var text: String
    /// 0600 where it holds a secret.
    public var mode: UInt32

    public init(_ path: String, _ text: String, mode: UInt32 = 0o644) {
        self.path = path
        self.text = text
        self.mode = mode
    }
}
