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
