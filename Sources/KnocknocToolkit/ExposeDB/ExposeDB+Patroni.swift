import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    /// Under Patroni nothing is changed here: the commands that change it on every member.
    func advise(_ action: Action, _ site: ExposedSite) async throws -> Outcome {
        let bytes = try site.cluster.hbaDocument().bytes
        let hasOwner = try await Ownership.owner(site.cluster) == InstallLayout.owner
        let whom = hasOwner ? "+\(InstallLayout.owner)" : site.user
        let line = { (network: CIDR) in
            let entry = HbaEntry(database: site.database, role: InstallLayout.owner, network: network).line
            return entry.replacing("+\(InstallLayout.owner)", with: whom)
        }
        let (found, place) = Self.rules(bytes, site.cluster.majorVersion)
        var rules = found
        var outcome = Outcome("", site, changed: false)
        switch action {
        case .add(let networks):
            outcome.action = "add"
            let new = networks.map(line).filter { !rules.contains($0) }
            rules.insert(contentsOf: new, at: place)
        case .remove(let networks):
            outcome.action = "remove"
            let gone = Set(networks.map(line))
            rules.removeAll { gone.contains($0) }
        case .disable, .rotatePassword:
            throw SystemError(
                .invalid,
                "Patroni keeps this cluster: all nodes use the string of the first one, so take their addresses out with "
                    + "--remove, and change the login's password by SQL on the primary")
        default:
            outcome.action = "init"
        }
        let tls = try await site.cluster.settings(["ssl"])["ssl"]
        outcome.commands = Patroni.patch(
            rules: rules, turningTLSOn: tls?.setting != "on",
            owner: SystemUser.entry(of: site.cluster.owner)?.name ?? "postgres",
            file: try Patroni.configuration(of: site.cluster))
        outcome.lines = [
            "Patroni keeps this cluster and writes its files, so nothing is changed here. On one member run:",
            "",
            outcome.commands ?? "",
            "",
            "Each member listens where `postgresql: listen:` of its own file says, for all nodes 0.0.0.0:5432. The other "
                + "web nodes use the same DatabaseURL as this one.",
        ]
        let trace = Patroni.trace(in: site.cluster)
        if trace.exists { outcome.lines.append("(Where Patroni is gone for good, remove what it left: \(trace.path))") }
        return outcome
    }

    /// The rules of a pg_hba.conf without comments, and where ours belong among them.
    private static func rules(_ bytes: [UInt8], _ version: Int) -> (rules: [String], place: Int) {
        let text = HbaText(bytes, continues: version >= 14)
        let lines = text.lines.filter { !$0.fields.isEmpty }
        let rules = lines.map { line in
            String(decoding: text.bytes[line.range], as: UTF8.self).replacing("\\\n", with: "")
                .split(whereSeparator: \.isNewline).joined(separator: " ")
        }
        return (rules, lines.firstIndex { $0.admitsHosts } ?? lines.count)
    }
}
