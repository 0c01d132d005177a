import KnocknocSystem

extension LocalCluster {
    var hbaFile: SystemFile {
        get throws(SystemError) { try SystemFile(facts.hbaFile).followed(for: owner) }
    }

    /// Reads pg_hba.conf with our block apart.
    func hbaDocument() throws -> (bytes: [UInt8], document: HbaDocument) {
        guard let bytes = try hbaFile.bytes() else { throw SystemError(.missing, "\(facts.hbaFile) is missing") }
        return (bytes, try HbaDocument(bytes, continues: majorVersion >= 14))
    }

    /// Changes our block of pg_hba.conf: written in one step, read by the server as a check, loaded, judged by its
    /// effect; where any of it fails the file is as before and loaded again.
    ///
    /// - Parameters:
    ///   - edit: changes the block; nothing is written where it leaves it as it was.
    ///   - verify: throws where the rules do not have the effect that is wanted.
    /// - Returns: whether the file was changed.
    func changeHba(
        _ console: any Console, _ edit: (inout HbaDocument) -> Void, verify: ([HbaRule]) async throws -> Void
    ) async throws -> Bool {
        try refuseBroken(try await hbaRules())
        let (old, document) = try hbaDocument()
        var edited = document
        edit(&edited)
        let new = edited.bytes
        let (file, cluster) = (try hbaFile, self)
        return try await Undoing.run(console) { steps in
            if new != old {
                try await steps.step("Writing \(file.path)") {
                    try file.replace(with: new, expecting: old)
                } undo: {
                    guard try file.bytes() == new else { return }
                    try file.replace(with: old, keepingBackup: false, expecting: new)
                    try await cluster.reload()
                }
            }
            try refuseBroken(try await hbaRules())
            // A command that was killed between writing and loading left the loading to the next one.
            let isStale = try await isHbaNewerThanLoaded()
            if new != old || isStale {
                try await steps.step("Having \(name) read it") { try await reload() }
            }
            try await verify(try await hbaRules())
            return new != old
        }
    }

    private func isHbaNewerThanLoaded() async throws -> Bool {
        struct Answer: Decodable { var isStale: Bool }
        let file = try SQLText.literal(facts.hbaFile)
        let answer: [Answer] = try await rows(
            // A file's time comes in whole seconds.
            """
            select (pg_stat_file(\(file))).modification >= date_trunc('second', pg_conf_load_time()) as "isStale"
            """)
        return answer.first?.isStale ?? false
    }

    private func refuseBroken(_ rules: [HbaRule]) throws(SystemError) {
        guard let broken = rules.first(where: { $0.error != nil }) else { return }
        throw SystemError(
            .invalid,
            "\(name) cannot read \(broken.place(in: facts.hbaFile)) of \(facts.hbaFile): \(broken.error ?? ""); mend that "
                + "first. Nothing is changed")
    }
}
