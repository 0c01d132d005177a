/// The agent's bearer token; no description, dump or log shows it.
public struct Token: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let secret: String

    /// - Returns: nil unless it is 16 to 512 visible ASCII characters, which is what a header can carry.
    public init?(_ text: String) {
        guard (16...512).contains(text.utf8.count), text.utf8.allSatisfy({ (33...126).contains($0) }) else {
            return nil
        }
        secret = text
    }

    public var description: String { "(token)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
