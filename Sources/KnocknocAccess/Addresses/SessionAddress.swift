public import KnocknocModel
import KnocknocStore

/// One of the addresses that a session opens things for.
public struct SessionAddress: Sendable, Hashable {
    /// What showed that the client has it.
    public enum Origin: String, Sendable, Hashable {
        case signIn = "sign_in"
        /// A request of the signed-in browser or client.
        case request
        /// A token shown at a ProbeURL.
        case probe
    }

    public var address: IPAddress
    public var origin: Origin
    public var addedAt: Timestamp
    /// When it leaves, unless a request comes from it before; nil for the newest of its family.
    public var leavesAt: Timestamp?

    init(address: IPAddress, origin: Origin, addedAt: Timestamp, leavesAt: Timestamp? = nil) {
        self.address = address
        self.origin = origin
        self.addedAt = addedAt
        self.leavesAt = leavesAt
    }

    /// nil where the row is of a session without any.
    init?(_ row: Row) throws {
        guard let address = try row.optional("x_address", row.address) else { return nil }
        self.init(
            address: address, origin: Origin(rawValue: try row.text("x_origin")) ?? .request,
            addedAt: try row.timestamp("x_added_at"), leavesAt: try row.optional("x_leaves_at", row.timestamp))
    }
}

extension [SessionAddress] {
    /// In the order of their coming.
    init(rows: [Row]) throws {
        self = try rows.compactMap(SessionAddress.init).sorted { ($0.addedAt, $0.address) < ($1.addedAt, $1.address) }
    }
}

/// An address that a session's client has been seen at and that nothing is open for.
public struct AddressChange: Sendable, Hashable {
    public var address: IPAddress
    /// Whether the user has to give the password again, because the session has moved often lately.
    public var asks: Bool
}
