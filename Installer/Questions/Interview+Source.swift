import KnocknocModel
import KnocknocStore
import KnocknocSystem
import KnocknocToolkit

extension Interview {
    func sourceQuestion() -> Question {
        let (existing, checks) = (existing, checks)
        let known = existing.database
        return Question(
            id: .source,
            preamble: [
                "", "Knocknoc keeps its data in PostgreSQL:",
                "  1) PostgreSQL on this machine, installed where it is missing; nobody else reaches it",
                "  2) a new database elsewhere: your own server's, or a managed service's",
                "  3) the database of a Knocknoc site that runs already: this machine becomes one more web node",
            ],
            prompt: "Option 1, 2 or 3?", standard: known == nil ? "1" : "keep",
            shownStandard: known.map { "keep \($0)" },
            help: Guide.sources, flag: "--db-option 1|2|3 or --embedded", needsWord: known == nil
        ) { text, answers in
            switch text.lowercased() {
            case "1":
                let foreign = try await checks.foreignTablesHere()
                guard foreign.isEmpty else {
                    throw Refusal(
                        "this machine's PostgreSQL has a database \"knocknoc\" with tables of somebody else: "
                            + foreign.joined(separator: ", "), "Rename it, or choose 2 with another database.")
                }
                answers.source = .local
                return try await exposureNotes()
            case "2": answers.source = .new
            case "3": answers.source = .existing
            case "embedded": answers.source = .embedded
            case "keep":
                guard let known else { throw Refusal("there is no configuration whose database could be kept") }
                (answers.source, answers.url) = (.unchanged, known)
                if known.engine == .postgres {
                    let facts = try await look(known, isSite: true)
                    answers.facts = facts
                    guard let schema = facts.schema else {
                        throw Refusal("\(known) has no Knocknoc in it any more", "Choose 2 to make one there.")
                    }
                    try refuseNewer(schema, facts)
                    return try takeKey(schema.dataKey, carried: known.encryptionKey, &answers)
                }
            default: throw Refusal("\"\(text)\" is not 1, 2 or 3", "? says what each is for.")
            }
            return []
        }
    }

    func databaseQuestion(_ answers: Answers) -> Question? {
        switch answers.source {
        case .new: newQuestion()
        case .existing: existingQuestion()
        default: nil
        }
    }

    private func newQuestion() -> Question {
        Question(
            id: .databaseURL, preamble: ["It holds a password, so it does not show while you type or paste it."],
            prompt: "Connection string of the new database",
            help: [
                "postgres://LOGIN:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full&sslrootcert=/path/to/ca.pem",
                "The file is the service's certificate authority; sslmode=require encrypts and asks nobody who answers.",
                "The login needs the right to make a schema in that database, and nothing else:",
                "  grant create, connect on database DATABASE to LOGIN;",
                "Signs as @ : / % # ? in a password are written as %40 %3A %2F %25 %23 %3F.",
            ],
            flag: "--database-url, or KNOCKNOC_SETUP_DATABASE_URL", isSecret: true
        ) { text, answers in
            let url = try parse(text)
            let facts = try await look(url, isSite: false)
            if let schema = facts.schema {
                guard !schema.hasAdministrator else {
                    throw Refusal(
                        "this is the database of a Knocknoc site that runs already",
                        "Go back and choose 3 to add this machine to it, or name another database.")
                }
                try refuseNewer(schema, facts)
            }
            guard facts.foreignTables.isEmpty else {
                throw Refusal(
                    "the database \(facts.database) is not empty; it has \(facts.foreignTables.joined(separator: ", "))",
                    "Make a database of its own for Knocknoc: create database knocknoc;")
            }
            guard facts.mayCreateSchema else {
                throw Refusal(
                    "\(facts.login) may not make a schema in the database \(facts.database)",
                    "As its owner: grant create on database \(facts.database) to \(facts.login);")
            }
            (answers.url, answers.facts) = (url, facts)
            var notes = ["\(url)", "Connected: PostgreSQL \(facts.serverVersion), as \(facts.login)."]
            notes += protectionNotes(facts)
            if let schema = facts.schema {
                notes += try takeKey(schema.dataKey, carried: url.encryptionKey, &answers)
            } else if let carried = url.encryptionKey {
                answers.key = .use(try key(carried))
            }
            return notes
        }
    }

    private func existingQuestion() -> Question {
        Question(
            id: .databaseURL, preamble: ["It holds a password, so it does not show while you type or paste it."],
            prompt: "Connection string of the existing Knocknoc database",
            help: [
                "As knocker exposedb --init printed it on the first node, in one line:",
                "  postgres://LOGIN:PASSWORD@HOST:5432/knocknoc?sslmode=require&…",
                "That node must let this machine in: sudo knocker exposedb --add THIS-MACHINE'S-ADDRESS",
                "For a database as a service: the string that the site's other nodes have.",
            ],
            flag: "--database-url, or KNOCKNOC_SETUP_DATABASE_URL", isSecret: true
        ) { text, answers in
            let url = try parse(text)
            let facts = try await look(url, isSite: true)
            guard let schema = facts.schema else {
                throw Refusal(
                    "the database \(facts.database) answers, and there is no Knocknoc in it",
                    "Check the name after the last /, or go back and choose 2 to make a new site there.")
            }
            try refuseNewer(schema, facts)
            if schema.version < facts.release, !mayMigrate {
                throw Refusal(
                    "the site's schema is version \(schema.version), this release needs \(facts.release): its nodes are "
                        + "older than this one",
                    "Upgrade them first, or start with --migrate, which brings the schema to this release's now.")
            }
            (answers.url, answers.facts) = (url, facts)
            let notes =
                [
                    "\(url)",
                    "Connected: PostgreSQL \(facts.serverVersion), schema \(schema.version), as \(facts.login).",
                ] + protectionNotes(facts)
            return notes + (try takeKey(schema.dataKey, carried: url.encryptionKey, &answers))
        }
    }

    // MARK: - Checks that several share

    private func parse(_ text: String) throws(Refusal) -> DatabaseURL {
        do throws(StoreError) {
            let url = try DatabaseURL(text, setting: "The connection string")
            guard url.engine == .postgres else {
                throw StoreError(.configuration, "a file of this machine cannot be shared; --embedded is for one node")
            }
            _ = try url.places()
            return url
        } catch {
            throw Refusal(error.message, "It begins with postgres://; ? shows one.", isUsage: true)
        }
    }

    private func look(_ url: DatabaseURL, isSite: Bool) async throws -> SiteFacts {
        do { return try await checks.look(url) } catch let error as DatabaseRefusal {
            // What was typed did not show: without its password it may.
            throw Refusal("\(url)\n\(error.reason)", error.remedy(isSite: isSite, own: checks.outward()))
        } catch let error as StoreError {
            throw Refusal("\(url)\n\(error.message)")
        }
    }

    private func refuseNewer(_ schema: SiteFacts.Schema, _ facts: SiteFacts) throws(Refusal) {
        guard schema.readableFrom > facts.release else { return }
        throw Refusal(
            "the site's schema is version \(schema.version) and needs release \(schema.readableFrom) or newer; this is "
                + "release \(facts.release)", "Install the release that the site's other nodes have.")
    }

    private func protectionNotes(_ facts: SiteFacts) -> [String] {
        let way = "sslmode=verify-full&sslrootcert=FILE in the string does, with the file of the server's authority"
        if !facts.isProtected {
            return ["Note: nothing makes sure that this connection is encrypted, and with the right server; \(way)."]
        }
        guard !facts.isVerified else { return [] }
        return ["Note: the connection is encrypted, and nothing makes sure that it is the right server; \(way)."]
    }

    /// Option 1 is for a database that nobody else reaches; a cluster that was here before may say otherwise.
    private func exposureNotes() async throws -> [String] {
        guard let exposure = try await checks.exposureHere() else { return [] }
        guard exposure.openings.isEmpty else {
            throw Refusal(
                "this machine's PostgreSQL listens on \(exposure.addresses), and lets others in without a password: "
                    + exposure.openings.joined(separator: "; "),
                "Change that line and reload PostgreSQL, or choose 2 with another database.")
        }
        return [
            "Note: this machine's PostgreSQL was here before and listens on \(exposure.addresses). Knocknoc's login has "
                + "no password, so it comes in over the local socket only."
        ]
    }
}
