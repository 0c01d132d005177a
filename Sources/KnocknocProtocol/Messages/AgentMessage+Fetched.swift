public import KnocknocModel

extension AgentMessage {
    /// Who fetched allow lists from the agent since it last said so.
    public struct Fetched: Hashable, Sendable, Codable {
        /// The most that one message tells.
        public static let most = 256

        public struct Fetch: Hashable, Sendable, Codable {
            public var list: AllowListID
            public var key: APIKeyID
            /// The other end of the connection.
            public var address: IPAddress
            public var count: Int

            public init(list: AllowListID, key: APIKeyID, address: IPAddress, count: Int) {
                self.list = list
                self.key = key
                self.address = address
                self.count = count
            }
        }

        public var fetches: [Fetch]

        public init(fetches: [Fetch]) { self.fetches = fetches }
    }
}

extension AgentMessage.Fetched {
    private struct Consumer: Hashable {
        var key: APIKeyID
        var list: AllowListID
        var address: IPAddress
    }

    /// Adds what was said later: each key, list and address once, in the order of the keys, ``most`` of them at most.
    /// What counts nothing is left out.
    public mutating func add(_ later: Self) {
        var counts: [Consumer: Int] = [:]
        for fetch in fetches + later.fetches where fetch.count > 0 {
            let consumer = Consumer(key: fetch.key, list: fetch.list, address: fetch.address)
            guard counts.count < Self.most || counts[consumer] != nil else { continue }
            let (sum, isTooMuch) = counts[consumer, default: 0].addingReportingOverflow(fetch.count)
            counts[consumer] = isTooMuch ? .max : sum
        }
        fetches =
            counts.sorted {
                ($0.key.key, $0.key.list, $0.key.address) < ($1.key.key, $1.key.list, $1.key.address)
            }.map { Fetch(list: $0.key.list, key: $0.key.key, address: $0.key.address, count: $0.value) }
    }
}
