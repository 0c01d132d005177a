import KnocknocModel
import KnocknocStore
import KnocknocSystem
import KnocknocToolkit

/// How answers are tried on the real world; the dialogue's tests put their own here.
struct Checks: Sendable {
    /// Why an address cannot be listened on; nil where it can.
    var listen: @Sendable (ListenAddress) async -> String?
    /// - Throws: ``DatabaseRefusal``.
    var look: @Sendable (DatabaseURL) async throws -> SiteFacts
    /// Tables of somebody else in this machine's own database `knocknoc`.
    var foreignTablesHere: @Sendable () async throws -> [String]
    /// Whether others reach the PostgreSQL of this machine that would be used.
    var exposureHere: @Sendable () async throws -> LocalPostgres.Exposure? = { nil }
    /// This machine's name, and the addresses that others reach it at.
    var ownNames: @Sendable () -> [String]
    /// The address that this machine has towards others.
    var outward: @Sendable () -> IPAddress?

    static func real(_ layout: InstallLayout, nodeName: String) -> Checks {
        Checks(
            listen: { await ListenCheck.obstacle($0) },
            look: { url in
                guard layout.root.isEmpty, try url.isOnThisMachine, SystemUser.ids(of: InstallLayout.user) != nil else {
                    return try await SiteProbe.look(at: url)
                }
                return try await SystemUser.acting(as: InstallLayout.user) { try await SiteProbe.look(at: url) }
            },
            foreignTablesHere: { try await LocalPostgres.foreignTablesHere() },
            exposureHere: { try await LocalPostgres.exposureHere() },
            ownNames: {
                let addresses = OwnAddresses.networks().map(\.address).filter { !$0.isLoopback && !$0.isLinkLocal }
                return [nodeName] + addresses.map(\.description)
            },
            outward: { OwnAddresses.outward() })
    }
}
