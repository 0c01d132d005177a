/// What a Postgres database turned out to be, before anything is changed in it.
public struct SiteFacts: Sendable {
    /// How the site's data key is kept.
    public enum DataKeyState: Hashable, Sendable {
        case none, unwrapped
        /// With what tells a right EncryptionKey from another.
        case wrapped(checkValue: [UInt8])
    }

    /// The schema that is there.
    public struct Schema: Hashable, Sendable {
        public var version: Int
        /// The oldest release that may use it.
        public var readableFrom: Int
        public var hasAdministrator: Bool
        public var dataKey: DataKeyState
    }

    /// As in 15.3.
    public var serverVersion: String
    public var database: String
    public var login: String
    /// Of Knocknoc; nil where the database has none yet.
    public var schema: Schema?
    /// A few tables of somebody else, which extensions did not bring.
    public var foreignTables: [String]
    public var mayCreateSchema: Bool
    /// Whether the connection string makes sure that nobody on the way can read.
    public var isProtected: Bool
    /// Whether it makes sure, too, that nobody else answers in the server's place.
    public var isVerified = true
    /// This release's own schema number.
    public var release: Int
}
