public import KnocknocModel

/// The most that any server may make this host do, by the word of its own administrator. Nil allows everything.
public struct Ceilings: Hashable, Sendable {
    /// A table of nftables, as `inet filter`.
    public struct Table: Hashable, Sendable, CustomStringConvertible {
        public var family: NFTablesSet.Family
        public var name: String

        public init(family: NFTablesSet.Family, name: String) {
            self.family = family
            self.name = name
        }

        /// - Returns: nil unless the text is a family and a name, with blanks between.
        public init?(_ text: String) {
            let words = text.split(whereSeparator: \.isWhitespace)
            guard words.count == 2, let family = NFTablesSet.Family(rawValue: String(words[0])) else { return nil }
            self.init(family: family, name: String(words[1]))
        }

        public var description: String { "\(family.rawValue) \(name)" }
    }

    /// Variables that a script may be given: one, as `HOST`, or all that begin alike, as `FW_*`.
    public struct Variables: Hashable, Sendable {
        var name: String
        var isPrefix: Bool

        /// - Returns: nil unless the text is a name, or its beginning and `*`; `none` names no variable.
        public init?(_ text: String) {
            isPrefix = text.hasSuffix("*")
            name = isPrefix ? String(text.dropLast()) : text
            let fits = name.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 95 }
            guard text == "none" || fits && (1...64).contains(name.utf8.count) else { return nil }
        }

        func contains(_ variable: String) -> Bool { isPrefix ? variable.hasPrefix(name) : variable == name }
    }

    /// `AllowBackends`.
    public var backends: Set<CompositeEnforcer.Kind>?
    /// `AllowTables`: where sets of nftables may be.
    public var tables: Set<Table>?
    /// `AllowSets`: names of sets, of nftables and of ipset.
    public var sets: Set<String>?
    /// `AllowPorts`: what may be guarded, and what a target may name as what it lets through.
    public var ports: [ClosedRange<UInt16>]?
    /// `CustomScripts`: whether a server may have scripts called at all.
    public var scripts: Bool
    /// `ScriptDirectory`: the folder that scripts must be in, at any depth.
    public var scriptDirectory: String?
    /// `ScriptVariables`: what they may be given, beside what no script is given.
    public var scriptVariables: [Variables]?
    /// `MaxEntries`: how many addresses may be open at once, each counted once for each target.
    public var entries: Int?
    /// `MaxPrefix`: the fewest leading bits of an IPv6 address that may stand for one client.
    public var ipv6Prefix: Int

    public init(
        backends: Set<CompositeEnforcer.Kind>? = nil, tables: Set<Table>? = nil, sets: Set<String>? = nil,
        ports: [ClosedRange<UInt16>]? = nil, scripts: Bool = false, scriptDirectory: String? = nil,
        scriptVariables: [Variables]? = nil, entries: Int? = nil, ipv6Prefix: Int = 128
    ) {
        self.backends = backends
        self.tables = tables
        self.sets = sets
        self.ports = ports
        self.scripts = scripts
        self.scriptDirectory = scriptDirectory
        self.scriptVariables = scriptVariables
        self.entries = entries
        self.ipv6Prefix = ipv6Prefix
    }

    /// The backends that a server may use here at all.
    public var allowed: [CompositeEnforcer.Kind] {
        CompositeEnforcer.Kind.allCases.filter { kind in
            kind == .dryRun || backends?.contains(kind) != false && (kind != .script || scripts)
        }
    }

    /// Why a target may not be enforced here; nil where it may.
    func refusal(of backend: Backend) -> String? {
        if case .unknown = backend { return nil }
        let kind = CompositeEnforcer.Kind(backend)
        if let backends, kind != .dryRun, !backends.contains(kind) {
            return "this host's AllowBackends does not name \(kind.rawValue)"
        }
        if case .nftablesSet(let set) = backend, let tables {
            let table = Table(family: set.family, name: set.table)
            if !tables.contains(table) { return "this host's AllowTables does not name \(table)" }
        }
        if let sets, let name = Self.sets(of: backend).first(where: { !sets.contains($0) }) {
            return "this host's AllowSets does not name \(name)"
        }
        if let ports, let port = backend.flows?.ports.first(where: { port in !ports.contains { $0.contains(port) } }) {
            return "this host's AllowPorts does not name port \(port)"
        }
        if let prefix = backend.ipv6Prefix, prefix < ipv6Prefix {
            return "this host's MaxPrefix is /\(ipv6Prefix), and /\(prefix) lets in more"
        }
        if kind == .script, !scripts { return "this host's CustomScripts is not true" }
        if case .script(let script) = backend, let scriptDirectory, !script.path.hasPrefix(scriptDirectory + "/") {
            return "\(script.path) is not in this host's ScriptDirectory \(scriptDirectory)"
        }
        if case .script(let script) = backend, let scriptVariables {
            let names = (Array(script.environment.keys) + script.sealed.keys).sorted()
            if let name = names.first(where: { name in !scriptVariables.contains { $0.contains(name) } }) {
                return "this host's ScriptVariables does not name \(name)"
            }
        }
        return nil
    }

    private static func sets(of backend: Backend) -> [String] {
        switch backend {
        case .nftablesSet(let set): [set.ipv4, set.ipv6].compactMap { $0 }
        case .ipset(let set): [set.ipv4, set.ipv6, set.blockIPv4, set.blockIPv6].compactMap { $0 }
        case .nftablesGuard, .haproxy, .script, .allowList, .dryRun, .unknown: []
        }
    }
}
