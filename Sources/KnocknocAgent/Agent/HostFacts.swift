import Glibc

/// What an administrator sees of this machine.
struct HostFacts {
    let name: String
    let system: String

    init() {
        var facts = utsname()
        guard uname(&facts) == 0 else {
            name = "?"
            system = "Linux"
            return
        }
        name = Self.text(facts.nodename)
        system = "\(Self.text(facts.sysname)) \(Self.text(facts.release)) \(Self.text(facts.machine))"
    }

    /// What guards do not cover on this machine, in words for the administrator.
    var capabilities: [String: String] {
        var facts: [String: String] = [:]
        let bridges = Self.bridges()
        if !bridges.isEmpty {
            facts["bridge"] = "frames bridged by \(bridges.joined(separator: ", ")) pass no guard"
        }
        if FileText.exists("/sys/module/nf_flow_table") {
            facts["flowtable"] = "flows that a flowtable offloads pass no guard"
        }
        return facts
    }

    private static func bridges() -> [String] {
        guard let folder = opendir("/sys/class/net") else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = text(entry.pointee.d_name)
            if !name.hasPrefix("."), FileText.exists("/sys/class/net/\(name)/bridge") { names.append(name) }
        }
        return names.sorted()
    }

    private static func text(_ field: some Any) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
