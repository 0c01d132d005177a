public import KnocknocModel

/// What an agent says. On the wire each is a JSON object with `type` and the fields of its payload beside it.
public enum AgentMessage: Hashable, Sendable {
    case hello(Hello)
    case heartbeat(AgentStamp)
    case applied(Applied)
    case trial(Trial)
    case pong(Pong)
    case fetched(Fetched)

    public struct Hello: Hashable, Sendable, Codable {
        public var protocolMin: Int
        public var protocolMax: Int
        /// Made once for each running process.
        public var instance: String
        public var stamp: AgentStamp
        /// nil where the agent has no state: a snapshot is wanted.
        public var position: Position?
        /// Explicit removals of the last 24 hours.
        public var removals: [Removal]
        /// Ed25519 public key, base64.
        public var signingKey: String
        /// X25519 public key, base64; backend secrets are sealed to it.
        public var sealingKey: String
        /// Ed25519 over ``SignedHello/bytes(nonce:agent:host:)``, base64.
        public var signature: String
        public var version: String
        public var machine: String
        public var system: String
        /// Facts about this host by name, such as `nftables` → `1.0.6`, `bridge` → `1`, `dry-run` → the reason.
        public var capabilities: [String: String]
        /// Whether this agent serves allow lists itself; nil where it does not.
        public var edge: Bool?

        enum CodingKeys: String, CodingKey {
            case instance, stamp, position, removals, signature, version, machine, system, capabilities, edge
            case protocolMin = "protocol_min"
            case protocolMax = "protocol_max"
            case signingKey = "signing_key"
            case sealingKey = "sealing_key"
        }

        public init(
            protocolMin: Int, protocolMax: Int, instance: String, stamp: AgentStamp, position: Position?,
            removals: [Removal], signingKey: String, sealingKey: String, signature: String, version: String,
            machine: String, system: String, capabilities: [String: String], edge: Bool? = nil
        ) {
            self.protocolMin = protocolMin
            self.protocolMax = protocolMax
            self.instance = instance
            self.stamp = stamp
            self.position = position
            self.removals = removals
            self.signingKey = signingKey
            self.sealingKey = sealingKey
            self.signature = signature
            self.version = version
            self.machine = machine
            self.system = system
            self.capabilities = capabilities
            self.edge = edge
        }
    }

    /// Everything up to `revision` has been done, but for `failures`; cumulative, so a lost one does no harm.
    public struct Applied: Hashable, Sendable, Codable {
        public var linkEpoch: Int64
        public var revision: Int64
        /// Every target and entry that is not in force now, not only new ones.
        public var failures: [Failure]
        /// Targets and entries are in force nowhere because this agent changes nothing, by choice.
        public var dryRun: [TargetID]
        /// What somebody had changed by hand and the agent has mended since its last message of this kind; nil for nothing.
        public var drift: Drift?

        enum CodingKeys: String, CodingKey {
            case revision, failures, drift
            case linkEpoch = "link_epoch"
            case dryRun = "dry_run"
        }

        public init(
            linkEpoch: Int64, revision: Int64, failures: [Failure], dryRun: [TargetID], drift: Drift? = nil
        ) {
            self.linkEpoch = linkEpoch
            self.revision = revision
            self.failures = failures
            self.dryRun = dryRun
            self.drift = drift
        }
    }

    /// How far what enforces was from what is wanted before it was mended.
    public struct Drift: Hashable, Sendable, Codable {
        /// Entries that were missing and were put back.
        public var added: Int
        /// Entries of ours that were too many and were taken away.
        public var removed: Int

        public init(added: Int, removed: Int) {
            self.added = added
            self.removed = removed
        }

        public static func + (one: Drift, other: Drift) -> Drift {
            func sum(_ one: Int, _ other: Int) -> Int {
                let (sum, isTooMuch) = one.addingReportingOverflow(other)
                return isTooMuch ? .max : sum
            }
            return Drift(added: sum(one.added, other.added), removed: sum(one.removed, other.removed))
        }
    }

    /// How a new or widened guard fares before an administrator has confirmed it.
    public struct Trial: Hashable, Sendable, Codable {
        public enum State: String, Hashable, Sendable, Codable {
            /// In force; `flows` established flows from `sources` are refused from now on.
            case started
            /// Nobody confirmed in time; the port is as it was before.
            case reverted
        }
        public var target: TargetID
        public var state: State
        public var flows: Int
        public var sources: [IPAddress]
        /// Seconds until it reverts.
        public var secondsLeft: Int

        enum CodingKeys: String, CodingKey {
            case target, state, flows, sources
            case secondsLeft = "seconds_left"
        }

        public init(target: TargetID, state: State, flows: Int, sources: [IPAddress], secondsLeft: Int) {
            self.target = target
            self.state = state
            self.flows = flows
            self.sources = sources
            self.secondsLeft = secondsLeft
        }
    }

    public struct Pong: Hashable, Sendable, Codable {
        public var id: String
        /// The agent's last log lines, the oldest first, where the ping asked for them.
        public var log: [String]?

        public init(id: String, log: [String]? = nil) {
            self.id = id
            self.log = log
        }
    }
}
