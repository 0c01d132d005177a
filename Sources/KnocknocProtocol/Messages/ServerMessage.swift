public import KnocknocModel

/// What a web node says to an agent. On the wire each is a JSON object with `type` and its payload's fields beside it.
public enum ServerMessage: Hashable, Sendable {
    case challenge(Challenge)
    case welcome(Welcome)
    case snapshotBegin(SnapshotBegin)
    /// At most 256 KiB of JSON.
    case snapshotChunk(Rows)
    /// Entries and targets of the agent that no chunk named go away now, not earlier.
    case snapshotEnd(SnapshotEnd)
    case changes(Changes)
    case heartbeat(HeartbeatReply)
    case ping(Ping)
    /// Where else the agent may dial, and how far apart the agents of this node are to do so.
    case nodes(Nodes)
    /// The link ends; the agent dials again unless `code` says otherwise.
    case bye(Bye)

    /// The first message of a link.
    public struct Challenge: Hashable, Sendable, Codable {
        public var agent: AgentID
        /// 32 random bytes, base64.
        public var nonce: String
        public var protocolMin: Int
        public var protocolMax: Int

        enum CodingKeys: String, CodingKey {
            case agent, nonce
            case protocolMin = "protocol_min"
            case protocolMax = "protocol_max"
        }

        public init(agent: AgentID, nonce: String, protocolMin: Int, protocolMax: Int) {
            self.agent = agent
            self.nonce = nonce
            self.protocolMin = protocolMin
            self.protocolMax = protocolMax
        }
    }

    public struct Welcome: Hashable, Sendable, Codable {
        public var linkEpoch: Int64
        public var node: String
        /// Milliseconds between the agent's heartbeats.
        public var heartbeat: Int64
        public var version: String

        enum CodingKeys: String, CodingKey {
            case node, version
            case linkEpoch = "link_epoch"
            case heartbeat = "heartbeat_ms"
        }

        public init(linkEpoch: Int64, node: String, heartbeat: Int64, version: String) {
            self.linkEpoch = linkEpoch
            self.node = node
            self.heartbeat = heartbeat
            self.version = version
        }
    }

    public struct SnapshotBegin: Hashable, Sendable, Codable {
        public var position: Position
        /// The agent's own position is not one of the server's history, which was rewound or restored: whatever the
        /// agent holds may only be shortened.
        public var diverged: Bool

        public init(position: Position, diverged: Bool = false) {
            self.position = position
            self.diverged = diverged
        }
    }

    public struct Rows: Hashable, Sendable, Codable {
        /// The zero of every `ttl_ms` here.
        public var since: AgentStamp
        public var targets: [TargetRow]
        public var entries: [EntryRow]

        public init(since: AgentStamp, targets: [TargetRow], entries: [EntryRow]) {
            self.since = since
            self.targets = targets
            self.entries = entries
        }
    }

    public struct SnapshotEnd: Hashable, Sendable, Codable {
        public var position: Position

        public init(position: Position) { self.position = position }
    }

    /// The rows above `after`, whole: having done them, the agent stands at `position`.
    public struct Changes: Hashable, Sendable, Codable {
        public var after: Position
        public var position: Position
        public var rows: Rows

        public init(after: Position, position: Position, rows: Rows) {
            self.after = after
            self.position = position
            self.rows = rows
        }
    }

    public struct HeartbeatReply: Hashable, Sendable, Codable {
        /// The stamp that is answered.
        public var stamp: AgentStamp
        /// Milliseconds since this node last heard from its database.
        public var databaseAge: Int64
        /// The newest revision that this node knows of this agent.
        public var revision: Int64

        enum CodingKeys: String, CodingKey {
            case stamp, revision
            case databaseAge = "db_age_ms"
        }

        public init(stamp: AgentStamp, databaseAge: Int64, revision: Int64) {
            self.stamp = stamp
            self.databaseAge = databaseAge
            self.revision = revision
        }
    }

    public struct Ping: Hashable, Sendable, Codable {
        public var id: String
        /// How many of its last log lines the agent is to say with its answer; nil for none. Older agents say none.
        public var logLines: Int?

        enum CodingKeys: String, CodingKey {
            case id
            case logLines = "log_lines"
        }

        public init(id: String, logLines: Int? = nil) {
            self.id = id
            self.logLines = logLines
        }
    }

    public struct Nodes: Hashable, Sendable, Codable {
        /// `https://HOST[:PORT]` of each web node that lives and has one; an agent takes those that its own file allows.
        public var endpoints: [String]
        /// Milliseconds within which the agent dials at a moment of chance once this link is lost, so that the agents of
        /// a node that died do not come all at once.
        public var spread: Int64

        enum CodingKeys: String, CodingKey {
            case endpoints
            case spread = "spread_ms"
        }

        public init(endpoints: [String], spread: Int64) {
            self.endpoints = endpoints
            self.spread = spread
        }
    }

    public struct Bye: Hashable, Sendable, Codable {
        public enum Code: String, Hashable, Sendable, Codable {
            /// Another link of this agent took over.
            case replaced
            /// The agent was deleted or disabled: members go, guards stay; do not dial again before 60 s.
            case revoked
            case noDatabase = "no-database"
            case draining
            /// The agent's messages cannot be understood: dial again, ask for a snapshot.
            case protocolError = "protocol-error"
            /// A key that is not the pinned one: an administrator must approve the new fingerprint.
            case keyChanged = "key-changed"
            case unsupportedProtocol = "unsupported-protocol"
            /// The server's records moved under the link: dial again at once, with position and removals.
            case resync
        }
        public var code: Code
        public var text: String

        public init(code: Code, text: String) {
            self.code = code
            self.text = text
        }
    }
}
