import KnocknocSystem

/// The agent of this machine: where it keeps lists of HAProxy, who it is, and what its own file has to allow.
struct AgentPlace: Sendable {
    /// The folder that the agent writes lists in (`HAProxyFolder`).
    var lists: String
    var owner: UInt32
    var group: UInt32
    var groupName: String
    /// The agent's file as it is; nil where it has none.
    var text: String?
    /// The same with what the lists need; nil where nothing is missing.
    var changed: String?
    /// What its file does not allow, and we do not change: how far a server may go is somebody's decision.
    var notes: [String] = []
    /// Whether another program than the package's unit keeps it.
    var isEmbedded: Bool

    /// - Throws: ``SystemError`` `missing` where there is no agent on this machine.
    init(_ layout: ReverseProxyLayout, ports: [Int]) throws(SystemError) {
        isEmbedded = layout.dataDirectory != nil
        text = isEmbedded ? nil : try SystemFile(layout.agentConfiguration).text()
        var file = ConfigurationText(text ?? "")
        let data: String
        if let directory = layout.dataDirectory {
            guard directory.hasPrefix("/") else {
                throw SystemError(.invalid, "--data-dir \"\(directory)\": expected an absolute path")
            }
            data = directory + "/agent"
        } else {
            let state = file["StateFile"]
            data = state.flatMap { $0.hasPrefix("/") ? SystemFolder.parent(of: $0) : nil } ?? layout.agentData
            if state == "none", file["HAProxyFolder"] == nil { try file.set("HAProxyFolder", data + "/haproxy") }
        }
        lists = file["HAProxyFolder"] ?? data + "/haproxy"
        try ReverseProxyPlan.requirePlain(lists, "HAProxyFolder")
        let folders = [lists, data] + (layout.dataDirectory.map { [$0] } ?? [])
        guard let attributes = try Self.first(folders) else {
            throw SystemError(
                .missing,
                "there is no agent on this machine: \(data) is not there; install knocknoc-agent, or name the data folder "
                    + "of an all-in-one with --data-dir")
        }
        (owner, group) = (attributes.owner, attributes.group)
        groupName = SystemUser.groupName(of: attributes.group) ?? "\(attributes.group)"
        if !isEmbedded { try allow(layout, &file, ports) }
        if let text, file.text != text { changed = file.text }
    }

    private static func first(_ folders: [String]) throws(SystemError) -> SystemFile.Attributes? {
        for folder in folders {
            if let attributes = try SystemFolder.attributes(of: folder) { return attributes }
        }
        return nil
    }

    private mutating func allow(
        _ layout: ReverseProxyLayout, _ file: inout ConfigurationText, _ ports: [Int]
    ) throws(SystemError) {
        let sockets = file["HAProxySockets"] ?? ReverseProxyLayout.standardSockets
        let allows = Self.words(sockets).contains {
            $0.hasSuffix("/") ? layout.socket.hasPrefix($0) : layout.socket == $0
        }
        if !allows { try file.set("HAProxySockets", sockets + ", " + layout.socket) }
        if let backends = file["AllowBackends"], !Self.words(backends).contains("haproxy") {
            notes.append(
                "\(layout.agentConfiguration): AllowBackends does not name haproxy; the agent refuses such a Knoc")
        }
        if let allowed = file["AllowPorts"] {
            let ranges = Self.words(allowed).map { $0.split(separator: "-").compactMap { Int($0) } }
            for port in ports where !ranges.contains(where: { ($0.first ?? 0) <= port && port <= ($0.last ?? 0) }) {
                notes.append(
                    "\(layout.agentConfiguration): AllowPorts does not name \(port); the agent refuses a Knoc that does"
                )
            }
        }
    }

    private static func words(_ list: String) -> [String] {
        list.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }
}
