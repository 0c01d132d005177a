import KnocknocEnforcement
import KnocknocModel

extension AgentConfiguration {
    /// Reads how far any server may go on this machine.
    mutating func limits(_ reader: inout SettingsReader) {
        let kinds = CompositeEnforcer.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        ceilings.backends = Self.some(
            reader.list(Key.allowBackends, expected: "some of \(kinds)", CompositeEnforcer.Kind.init(rawValue:)))
        ceilings.tables = Self.some(
            reader.list(Key.allowTables, expected: "tables such as inet filter", Ceilings.Table.init))
        ceilings.sets = Self.some(reader.list(Key.allowSets, expected: "names of sets", Self.setName))
        let ports = reader.list(Key.allowPorts, expected: "ports 1 to 65535, or ranges such as 8000-8100", Self.ports)
        ceilings.ports = ports.isEmpty ? nil : ports
        ceilings.entries = reader.value(Key.maxEntries, expected: "a number from 1 to 10000000") {
            Int($0).flatMap { (1...10_000_000).contains($0) ? $0 : nil }
        }
        ceilings.ipv6Prefix =
            reader.value(Key.maxPrefix, expected: "a length such as /64, from /32 to /128", Self.prefix) ?? 128
        ceilings.scripts = reader.flag(Key.customScripts, default: false)
        ceilings.scriptDirectory = reader.value(Key.scriptDirectory, expected: "an absolute path", Self.folder)
        let variables = reader.list(
            Key.scriptVariables, expected: "names such as HOST, beginnings such as FW_*, or none",
            Ceilings.Variables.init)
        ceilings.scriptVariables = variables.isEmpty ? nil : variables
        haproxyFolder =
            reader.value(Key.haproxyFolder, expected: "an absolute path", Self.folder)
            ?? stateFile.map { $0.prefix(upTo: $0.lastIndex(of: "/") ?? $0.startIndex) + "/haproxy" }
        let sockets = reader.list(Key.haproxySockets, expected: "absolute paths") { $0.hasPrefix("/") ? $0 : nil }
        if !sockets.isEmpty { haproxySockets = sockets }
        scriptSeconds =
            reader.value(Key.scriptSeconds, expected: "seconds from 1 to 600") {
                Int($0).flatMap { (1...600).contains($0) ? $0 : nil }
            } ?? 10
        maxDuration = reader.value(
            Key.maxDuration, expected: "a time such as 8h: a number and s, m, h or d, from 1s to 3650d", Self.duration)
        let lists = [
            Key.allowBackends, Key.allowTables, Key.allowSets, Key.allowPorts, Key.scriptVariables, Key.haproxySockets,
        ]
        for key in lists {
            // Nothing but commas must not mean that everything is allowed.
            guard let text = reader.text(key), text.allSatisfy({ $0 == "," || $0.isWhitespace }) else { continue }
            reader.refuse(key, "\(key.name): \"\(text)\" cannot be used; expected names, or no such line at all")
        }
    }

    private static func some<Value: Hashable>(_ list: [Value]) -> Set<Value>? { list.isEmpty ? nil : Set(list) }

    private static func folder(_ text: String) -> String? {
        guard text.hasPrefix("/"), !text.split(separator: "/").contains("..") else { return nil }
        let folder = text.split(separator: "/").joined(separator: "/")
        return folder.isEmpty ? nil : "/" + folder
    }

    private static func prefix(_ text: String) -> Int? {
        Int(text.hasPrefix("/") ? text.dropFirst() : text[...]).flatMap { Backend.ipv6Prefixes.contains($0) ? $0 : nil }
    }

    private static func setName(_ text: String) -> String? { text.contains(where: \.isWhitespace) ? nil : text }

    private static func ports(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first > 0,
            first <= last
        else { return nil }
        return first...last
    }

    /// Milliseconds.
    static func duration(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int64(text.dropLast()), number > 0,
            number <= 3650 * 86_400 / unit
        else { return nil }
        return number * unit * 1000
    }
}
