import KnocknocModel
import KnocknocSystem

extension ExposeDB {
    /// Under Patroni nothing is changed here: the commands that change it on every member.
    func advise(_ action: Action, _ site: ExposedSite) async throws -> Outcome {
        var list = try await PatroniRules(site)
        var outcome = Outcome("init", site, changed: false)
        var effects: [String] = []
        var isNeeded = true
        switch action {
        case .add(let networks):
            outcome.action = "add"
            let hasOwner = try await Ownership.owner(site.cluster) == InstallLayout.owner
            let known = networks.filter { !list.add($0, for: hasOwner ? "+\(InstallLayout.owner)" : site.user) }
            effects = known.map { "\($0) is allowed already." }
            isNeeded = known.count < networks.count
        case .remove(let networks):
            outcome.action = "remove"
            let removals = list.remove(networks)
            effects = removals.flatMap(\.lines)
            outcome.removed = removals.map { removal in
                Outcome.Network(
                    network: removal.network.description, allowed: !removal.openings.isEmpty, uncertain: false,
                    decidedBy: removal.openings)
            }
            isNeeded = removals.contains(where: \.isEffective)
        case .disable, .rotatePassword:
            throw SystemError(
                .invalid,
                "Patroni keeps this cluster: all nodes use the string of the first one, so take their addresses out with "
                    + "--remove, and change the login's password by SQL on the primary")
        default: break
        }
        let isTLSOn = try await site.cluster.settings(["ssl"])["ssl"]?.setting == "on"
        if case .remove = action {} else if !isTLSOn { isNeeded = true }
        guard isNeeded else {
            outcome.lines =
                ["Patroni keeps this cluster and writes its files. There is nothing to change, so no command to run:"]
                + effects
            return outcome
        }
        let commands = Patroni.patch(
            rules: list.texts, turningTLSOn: !isTLSOn,
            owner: SystemUser.entry(of: site.cluster.owner)?.name ?? "postgres",
            file: try Patroni.configuration(of: site.cluster))
        outcome.commands = commands
        outcome.lines = [
            "Patroni keeps this cluster and writes its files, so nothing is changed here. On one member run:", "",
            commands, "",
            "It replaces the whole list by what \(site.cluster.facts.hbaFile) says now and this change. Run it before the next "
                + "exposedb command, and let that file show it first (seconds): two of them made from one list undo each other.",
        ]
        outcome.lines += effects
        if case .remove = action {
        } else {
            outcome.lines.append(
                "Each member listens where `postgresql: listen:` of its own file says, for all nodes 0.0.0.0:5432. The "
                    + "other web nodes use the same DatabaseURL as this one.")
        }
        let trace = Patroni.trace(in: site.cluster)
        if trace.exists { outcome.lines.append("(Where Patroni is gone for good, remove what it left: \(trace.path))") }
        return outcome
    }

    /// Who is let in from other machines: by our lines, or where Patroni writes them, which are not marked as ours, by
    /// all.
    func allowedFields(_ site: ExposedSite) async throws -> [Outcome.Network] {
        guard try Patroni.keeps(site.cluster) else { return try await networkFields(try site.entries(), site) }
        return try await PatroniRules(site).allowed
    }
}
