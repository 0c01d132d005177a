import FoundationEssentials
import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    /// What was done, or would be, in lines for people and fields for programs.
    public struct Outcome: Encodable, Sendable {
        public struct Cluster: Encodable, Sendable {
            public var version: String
            public var port: Int
            public var dataDirectory: String
            public var hbaFile: String
            public var listenAddresses: String
            public var tls: Bool
        }

        public struct Network: Encodable, Sendable {
            public var network: String
            /// Whether it gets in, by the rules as the server reads them.
            public var allowed: Bool
            /// Whether that is up to a line which only PostgreSQL can judge.
            public var uncertain: Bool
            /// Which line decides, for it and for its parts.
            public var decidedBy: [String]
        }

        public struct Login: Encodable, Sendable {
            public var name: String
            /// Whether it is the one that the newest string has.
            public var current: Bool
            public var sessions: [String]
        }

        public var action: String
        public var changed: Bool
        public var database: String
        public var cluster: Cluster?
        public var exposed: Bool?
        public var networks: [Network]?
        public var logins: [Login]?
        /// Those that were taken out: what becomes of them.
        public var removed: [Network]?
        /// Whose string the new one is.
        var newLogin: String?
        /// Holds a password and the site's key; shown once.
        public var connectionString: String?
        /// Commands for whoever keeps this cluster.
        public var commands: String?
        /// What would change in which file.
        public var differences: [String]?
        /// For people.
        public var lines: [String]

        private enum CodingKeys: CodingKey {
            case action, changed, database, cluster, exposed, networks, removed, logins, connectionString, commands,
                differences
        }

        init(_ action: String, _ site: ExposedSite, changed: Bool, lines: [String] = []) {
            self.action = action
            self.changed = changed
            database = site.database
            self.lines = lines
        }

        /// One JSON object.
        public func json() throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    func clusterFields(_ site: ExposedSite) async throws -> Outcome.Cluster {
        let settings = try await site.cluster.settings(["listen_addresses", "ssl"])
        return Outcome.Cluster(
            version: site.cluster.facts.version, port: site.cluster.port, dataDirectory: site.cluster.dataDirectory,
            hbaFile: site.cluster.facts.hbaFile, listenAddresses: settings["listen_addresses"]?.setting ?? "",
            tls: settings["ssl"]?.setting == "on")
    }

    /// What the rules say of our networks.
    func networkFields(_ entries: [HbaEntry], _ site: ExposedSite) async throws -> [Outcome.Network] {
        let rules = try await site.cluster.hbaRules()
        let login = try await site.logins().last?.name ?? InstallLayout.owner
        let guest = try await site.guest(login)
        let own = OwnAddresses.networks()
        return entries.map { entry in
            let verdict = HbaVerdict(entry.network, guest, rules, own: own)
            return Outcome.Network(
                network: entry.network.description, allowed: verdict.isAllowed, uncertain: verdict.isUncertain,
                decidedBy: verdict.sentences(file: site.cluster.facts.hbaFile))
        }
    }
}
