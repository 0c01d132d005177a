import KnocknocSystem

extension LocalCluster {
    /// Where ALTER SYSTEM writes.
    var autoConf: SystemFile { SystemFile(dataDirectory + "/postgresql.auto.conf", followsLinks: false) }

    /// What ``copyAutoConf()`` keeps: the settings from before ours, for as long as ours last.
    var autoConfCopy: SystemFile { autoConf.backup }

    /// Copies postgresql.auto.conf beside itself, unless a copy from before an earlier change of ours is there.
    ///
    /// - Returns: its bytes, and whether the copy is new.
    func copyAutoConf() throws -> (bytes: [UInt8], isNew: Bool) {
        guard let bytes = try autoConf.bytes(), let attributes = try autoConf.attributes() else {
            throw SystemError(.missing, "\(autoConf.path) is missing; ALTER SYSTEM makes it")
        }
        guard !autoConfCopy.exists else { return (bytes, false) }
        try autoConfCopy.replace(with: bytes, attributes: attributes, keepingBackup: false)
        return (bytes, true)
    }

    /// Puts the file itself back: a cluster that does not start cannot be told by SQL.
    func restoreAutoConf(_ bytes: [UInt8]) throws { try autoConf.replace(with: bytes, keepingBackup: false) }

    /// Sets values; nil takes one out.
    func alterSystem(_ values: [(name: String, value: String?)]) async throws {
        let statements = try values.map { name, value in
            guard let value else { return "alter system reset \(name);" }
            return "alter system set \(name) = \(try SQLText.literal(value));"
        }
        try await run(statements.joined(separator: "\n"))
    }

    /// Has all settings and pg_hba.conf read again, and waits until a new session shows that it is done.
    ///
    /// - Throws: ``SystemError`` `failed` where the server does not within 10 s.
    func reload() async throws {
        struct Loaded: Decodable { var at: String }
        let query = "select pg_conf_load_time()::text as at"
        let before: [Loaded] = try await rows(query)
        try await run("select pg_reload_conf();")
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            let after: [Loaded] = try await rows(query)
            // A session begins with what the postmaster had loaded: settings first, then pg_hba.conf, in one go.
            if after.first?.at != before.first?.at { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw SystemError(.failed, "\(name) was told to read its files again and did not within 10 s")
    }
}
