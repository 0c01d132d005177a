/// A backend beside what its Knocs demand of an agent that no server speaks to, as it is stored and travels.
///
/// Without such a demand it is the backend's own JSON. With one it is `{"type":"close_after","seconds":…,"backend":…}`,
/// which an agent that cannot close by itself takes for a backend that it does not know, and keeps closed.
public struct ClosingBackend: Hashable, Sendable, Codable {
    /// The least that a Knoc may demand: six heartbeats, in seconds.
    public static let leastSeconds: Int64 = 30

    public var backend: Backend
    /// Seconds without a word from any server after which the agent lets nobody in; nil lets everybody stay to the end.
    public var closeAfterSeconds: Int64?

    private enum CodingKeys: String, CodingKey { case type, seconds, backend }
    private static let type = "close_after"

    public init(_ backend: Backend, closeAfterSeconds: Int64? = nil) {
        self.backend = backend
        self.closeAfterSeconds = closeAfterSeconds
    }

    public init(from decoder: any Decoder) throws {
        let fields = try? decoder.container(keyedBy: CodingKeys.self)
        guard let fields, (try? fields.decode(String.self, forKey: .type)) == Self.type,
            let seconds = try? fields.decode(Int64.self, forKey: .seconds), seconds > 0,
            let inner = try? fields.decode(ForeignBackend.self, forKey: .backend)
        else {
            backend = try ForeignBackend(from: decoder).backend
            return
        }
        (backend, closeAfterSeconds) = (inner.backend, seconds)
    }

    public func encode(to encoder: any Encoder) throws {
        guard let closeAfterSeconds else { return try backend.encode(to: encoder) }
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(Self.type, forKey: .type)
        try fields.encode(closeAfterSeconds, forKey: .seconds)
        try fields.encode(backend, forKey: .backend)
    }
}
