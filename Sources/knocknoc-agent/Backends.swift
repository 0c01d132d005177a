import KnocknocAgent
import KnocknocEnforcement
import KnocknocModel
import Logging

/// What enforces, by this machine's configuration and rights.
enum Backends {
    /// Dry runs only where they were asked for: without the right to change the packet filter targets fail, and say so.
    ///
    /// - Parameter lists: where allow lists are put to be fetched; nil where `AllowListListen` is not set.
    static func enforcer(
        _ configuration: AgentConfiguration, _ lists: AllowListBoard?, _ logger: Logger
    ) async throws -> any Enforcer {
        func limited(_ enforcer: any Enforcer) -> any Enforcer {
            CeilingEnforcer(configuration.ceilings, around: enforcer)
        }
        guard configuration.backend == .nftables else {
            logger.notice("Backend = dry-run: nothing is changed on this machine")
            let dryRuns = [CompositeEnforcer.Kind.script, .haproxy, .allowList].map {
                ($0, DryRunEnforcer() as any Enforcer)
            }
            return limited(
                CompositeEnforcer(nftables: nil, others: Dictionary(dryRuns) { first, _ in first }))
        }
        let scripts = ScriptEnforcer(
            ScriptOptions(seconds: configuration.scriptSeconds),
            opener: SealedSecrets(try KeyFile(path: configuration.keyFile).readOrMake()), logger: logger)
        var others: [CompositeEnforcer.Kind: any Enforcer] = [.script: scripts]
        if let lists { others[.allowList] = AllowListEnforcer(lists) }
        if let folder = configuration.haproxyFolder {
            let options = HAProxyOptions(folder: folder, sockets: configuration.haproxySockets)
            others[.haproxy] = try HAProxyEnforcer(options, logger: logger)
        }
        if case .unavailable(let reason) = NetworkCapability.probe() {
            logger.error("\(reason); Backend = dry-run shows what would be done")
            return limited(
                CompositeEnforcer(nftables: UnavailableEnforcer(reason: reason), others: others))
        }
        let options = NFTablesOptions(
            alwaysAllow: configuration.alwaysAllow, neverGuard: Set(await configuration.protectedPorts()),
            createSets: configuration.createSets, skeletonPath: configuration.guardFile)
        let nftables = try NFTablesEnforcer(options, logger: logger)
        return limited(CompositeEnforcer(nftables: nftables, others: others))
    }
}
