import KnocknocModel
import KnocknocStore
import KnocknocSystem

@testable import KnocknocAccess
@testable import KnocknocInstaller
@testable import KnocknocToolkit

/// A machine and a database on paper.
enum Paper {
    static let url = "postgres://knocknoc:random-password@10.64.11.1:5432/knocknoc"

    static func facts(_ schema: SiteFacts.Schema? = nil, foreign: [String] = [], mayCreate: Bool = true) -> SiteFacts {
        SiteFacts(
            serverVersion: "15.3", database: "knocknoc", login: "knocknoc", schema: schema, foreignTables: foreign,
            mayCreateSchema: mayCreate, isProtected: true, release: 2)
    }

    static func schema(
        version: Int = 2, readableFrom: Int = 1, hasAdministrator: Bool = true, _ key: SiteFacts.DataKeyState = .none
    ) -> SiteFacts.Schema {
        SiteFacts.Schema(
            version: version, readableFrom: readableFrom, hasAdministrator: hasAdministrator, dataKey: key)
    }

    static func wrapped(_ key: EncryptionKey) -> SiteFacts.DataKeyState {
        .wrapped(checkValue: KeyWrapping.checkValue(key))
    }

    static func checks(
        _ facts: SiteFacts = facts(), taken: ListenAddress? = nil, foreignHere: [String] = [],
        refusal: DatabaseRefusal? = nil
    ) -> Checks {
        Checks(
            listen: { $0 == taken ? "another process listens on \($0)" : nil },
            look: { _ in
                if let refusal { throw refusal }
                return facts
            },
            foreignTablesHere: { foreignHere }, ownNames: { ["web-2", "192.0.2.20"] },
            outward: { IPAddress("192.0.2.20") })
    }

    static func interview(
        _ checks: Checks = checks(), existing: String? = nil, key: EncryptionKey? = nil, mayMigrate: Bool = false
    ) -> Interview {
        Interview(
            existing: ExistingSetup(configuration: existing.map { ConfigurationText($0) }, key: key), checks: checks,
            layout: InstallLayout(), mayMigrate: mayMigrate, isUnwrapped: false)
    }

    /// Answers the questions from the terminal's list.
    static func answers(
        _ terminal: PaperTerminal, _ interview: Interview = interview(), given: [Question.ID: String] = [:],
        isInteractive: Bool = true
    ) async throws -> Answers {
        let dialogue = Dialogue(terminal: terminal, given: given, isInteractive: isInteractive)
        return try await dialogue.run(from: Answers()) { id, answers in interview.question(id, answers) }
    }
}
