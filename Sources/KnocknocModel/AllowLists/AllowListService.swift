/// An allow list as it is served: the last part of its address, and who may fetch it.
public struct AllowListService: Hashable, Sendable {
    /// The most keys that lists may have, and the most networks that a key may have: all of them are part of what an
    /// agent is told of one list, which is one row of one message.
    public static let mostKeys = 200
    public static let mostNetworks = 64

    public var id: AllowListID
    /// In the order of their ids, so that equal services are equal values.
    public var keys: [AllowListKey]

    public init(id: AllowListID, keys: [AllowListKey]) {
        self.id = id
        self.keys = keys.sorted { $0.id < $1.id }
    }
}

/// What is needed to check an API key, and useless to make one: secrets have 256 random bits.
public struct AllowListKey: Hashable, Sendable {
    public var id: APIKeyID
    /// SHA-256 of the secret.
    public var hash: [UInt8]
    /// Where it may be used from.
    public var networks: [CIDR]
    public var expiresAt: Timestamp?

    public init(id: APIKeyID, hash: [UInt8], networks: [CIDR], expiresAt: Timestamp?) {
        self.id = id
        self.hash = hash
        self.networks = networks
        self.expiresAt = expiresAt
    }
}

extension AllowListService {
    public enum Verdict: Hashable, Sendable {
        case allowed(APIKeyID)
        /// No such key, or one that is over.
        case unknown
        /// The key is good, and not for this address.
        case elsewhere(APIKeyID)
    }

    /// - Parameter hash: SHA-256 of what the client sent; every key is looked at whole, whichever it is.
    public func verdict(hash: [UInt8], from address: IPAddress?, at now: Timestamp) -> Verdict {
        var found: AllowListKey?
        for key in keys where key.hash.isSame(as: hash) { found = key }
        guard let found, found.expiresAt.map({ $0 > now }) ?? true else { return .unknown }
        guard let address, found.networks.contains(where: { $0.contains(address) }) else {
            return .elsewhere(found.id)
        }
        return .allowed(found.id)
    }
}

extension [UInt8] {
    /// Equality whose time does not tell where the first difference is.
    public func isSame(as other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return zip(self, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
