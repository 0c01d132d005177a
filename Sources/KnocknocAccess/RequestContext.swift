public import KnocknocModel

/// Where a request came from, as the server's forwarder rules decided.
public enum ClientAddress: Sendable, Hashable {
    case address(IPAddress)
    /// Sign-in works and nothing is granted; the reason is shown to the user. The address is for the audit only.
    case refused(IPAddress?, reason: String)

    /// The address where one is known, grantable or not.
    public var known: IPAddress? {
        switch self {
        case .address(let address): address
        case .refused(let address, _): address
        }
    }
}

/// What every use case wants to know of the request that asked for it.
public struct RequestContext: Sendable {
    public var client: ClientAddress
    public var userAgent: String?
    public var requestID: String

    public init(client: ClientAddress, userAgent: String? = nil, requestID: String) {
        self.client = client
        self.userAgent = userAgent
        self.requestID = requestID
    }
}
