import KnocknocCertificates
import KnocknocModel
import KnocknocSystem

/// What has to change for the cluster to listen where it should, with TLS.
struct ListeningPlan: Sendable {
    /// Where the others reach it.
    let host: String
    /// Settings that differ from what is in effect.
    private(set) var values: [(name: String, value: String?)] = []
    private(set) var needsRestart = false
    private(set) var makesCertificate = false
    private let target: IPAddress
    private let names: [String]

    static let certificate = "knocknoc-server.crt"
    static let key = "knocknoc-server.key"

    init(_ site: ExposedSite, _ options: ExposeDB.Options) async throws {
        let cluster = site.cluster
        let listen = options.listen ?? ListenTarget(address: .v4(0))
        target = listen.address
        if let port = listen.port, port != cluster.port {
            throw SystemError(
                .invalid,
                "this database's cluster has port \(cluster.port), and its own server finds it there: give --listen "
                    + "without a port or with that one. (A cluster's port is `port` in its postgresql.conf.)")
        }
        guard OwnAddresses.contains(listen.address) else {
            throw SystemError(
                .invalid, "\(listen.address) is no address of this machine; --listen takes one of its own")
        }
        let settings = try await cluster.settings(["listen_addresses", "ssl", "ssl_cert_file", "ssl_key_file"])
        guard let addresses = settings["listen_addresses"], let tls = settings["ssl"],
            let certificate = settings["ssl_cert_file"], let key = settings["ssl_key_file"]
        else { throw SystemError(.failed, "\(cluster.name) does not tell its settings") }

        let own = listen.address.isUnspecified ? OwnAddresses.outward() : listen.address
        guard let host = options.advertise ?? own?.description else {
            throw SystemError(
                .invalid, "this machine has no address but loopback; say with --advertise how the others reach it")
        }
        self.host = host
        names = [host] + (listen.address.isUnspecified ? [] : [listen.address.description])

        let hasLocalV6 = OwnAddresses.networks().contains { $0.address.family == .v6 && $0.address.isLoopback }
        let wanted = listen.added(to: addresses.setting, hasLocalV6: hasLocalV6)
        if wanted != addresses.setting {
            if addresses.isFromCommandLine { throw Self.commandLine(addresses, wanted) }
            values.append(("listen_addresses", wanted))
            needsRestart = true
        }
        if tls.setting != "on" {
            if tls.isFromCommandLine { throw Self.commandLine(tls, "on") }
            values.append(("ssl", "on"))
            let files = [certificate.setting, key.setting].map { path in
                SystemFile(path.hasPrefix("/") ? path : cluster.dataDirectory + "/" + path)
            }
            if !files.allSatisfy(\.exists) {
                makesCertificate = true
                values += [("ssl_cert_file", Self.certificate), ("ssl_key_file", Self.key)]
            }
        }
    }

    private static func commandLine(_ setting: ClusterSetting, _ wanted: String) -> SystemError {
        SystemError(
            .invalid,
            "\(setting.name) is given on PostgreSQL's command line, which beats every file; nothing is changed. Where "
                + "the cluster is started, give \(setting.name) = '\(wanted)' instead. Under Patroni: "
                + "patronictl edit-config --force -p '\(setting.name)=\(wanted)', and listen under `postgresql:` in "
                + "each member's own file")
    }

    /// - Returns: whether anything was changed.
    func carryOut(_ cluster: LocalCluster, _ steps: inout Undoing) async throws -> Bool {
        guard !values.isEmpty else { return false }
        let attributes = SystemFile.Attributes(
            mode: 0o600, owner: cluster.owner, group: SystemUser.entry(of: cluster.owner)?.group ?? 0)
        let files = [Self.certificate, Self.key].map {
            SystemFile(cluster.dataDirectory + "/" + $0, followsLinks: false)
        }
        if makesCertificate {
            try await steps.step("Making a certificate for \(host)") {
                let made = try SelfSignedCertificate(names: names)
                try files[0].replace(with: made.certificate, attributes: attributes, keepingBackup: false)
                try files[1].replace(with: made.key, attributes: attributes, keepingBackup: false)
            } undo: {
                for file in files { try file.remove() }
            }
        }
        let (before, isCopyNew) = try cluster.copyAutoConf()
        let keeper = try await cluster.keeper()
        let isRestarted = needsRestart
        try await steps.step("Setting \(values.map(\.name).joined(separator: ", ")) by ALTER SYSTEM") {
            try await cluster.alterSystem(values)
        } undo: {
            // The file itself: a cluster that does not start cannot be asked.
            try cluster.restoreAutoConf(before)
            if isCopyNew { try cluster.autoConfCopy.remove() }
            if isRestarted { try await cluster.recover(by: keeper) } else { try await cluster.reload() }
        }
        if needsRestart {
            try await steps.step("Restarting \(cluster.name) (\(keeper.name))") {
                try await cluster.restart(by: keeper)
            }
        } else {
            try await steps.step("Having \(cluster.name) read its settings") { try await cluster.reload() }
        }
        try await steps.step("Asking it for TLS over the network") { try check(cluster) }
        return true
    }

    /// Whether it listens there, and speaks TLS.
    private func check(_ cluster: LocalCluster) throws {
        let loopback: IPAddress = target.family == .v4 ? .v4(0x7f00_0001) : .v6(1)
        let address = target.isUnspecified ? loopback : target
        switch TLSProbe.ask(address, port: cluster.port) {
        case .tls: return
        case .plain:
            throw SystemError(
                .failed, "\(cluster.name) does not speak TLS with the certificate that it has; its log says why")
        case .none(let reason):
            throw SystemError(.failed, "\(cluster.name) does not answer on \(address): \(reason)")
        }
    }
}
