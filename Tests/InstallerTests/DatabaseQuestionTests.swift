import KnocknocModel
import KnocknocStore
import KnocknocToolkit
import Testing

@testable import KnocknocInstaller

@Suite("the questions about the database")
struct DatabaseQuestionTests {
    private func screen(
        _ option: String, _ checks: Checks, key: EncryptionKey? = nil, mayMigrate: Bool = false, url: String = Paper.url
    ) async throws -> (screen: String, plan: SetupPlan?) {
        let terminal = PaperTerminal(["", "", option, url], enters: 3)
        let interview = Paper.interview(checks, key: key, mayMigrate: mayMigrate)
        do {
            let answers = try await Paper.answers(terminal, interview)
            return (terminal.screen, try interview.plan(answers))
        } catch is SetupError {
            return (terminal.screen, nil)
        }
    }

    @Test("a new database is taken where it is empty and the login may make a schema")
    func new() async throws {
        let fine = try await screen("2", Paper.checks(Paper.facts()))
        #expect(fine.plan?.key == .keepOrMake && fine.screen.contains("Connected: PostgreSQL 15.3"))
        let half = try await screen("2", Paper.checks(Paper.facts(Paper.schema(hasAdministrator: false))))
        #expect(half.plan != nil)
        let foreign = try await screen("2", Paper.checks(Paper.facts(foreign: ["public.orders"])))
        #expect(foreign.plan == nil && foreign.screen.contains("is not empty; it has public.orders"))
        let site = try await screen("2", Paper.checks(Paper.facts(Paper.schema())))
        #expect(site.plan == nil && site.screen.contains("choose 3"))
        let barred = try await screen("2", Paper.checks(Paper.facts(mayCreate: false)))
        #expect(barred.plan == nil && barred.screen.contains("grant create on database knocknoc to knocknoc;"))
        let here = PaperTerminal(["", "", "1"])
        _ = try? await Paper.answers(here, Paper.interview(Paper.checks(foreignHere: ["public.orders"])))
        #expect(here.screen.contains("tables of somebody else: public.orders"))
    }

    @Test("a site's database is taken where this release can use it as it is")
    func existing() async throws {
        let empty = try await screen("3", Paper.checks(Paper.facts()))
        #expect(empty.plan == nil && empty.screen.contains("there is no Knocknoc in it"))
        let older = Paper.checks(Paper.facts(Paper.schema(version: 1)))
        let refused = try await screen("3", older)
        #expect(refused.plan == nil && refused.screen.contains("--migrate"))
        #expect(try await screen("3", older, mayMigrate: true).plan?.mayMigrate == true)
        let newer = try await screen("3", Paper.checks(Paper.facts(Paper.schema(version: 9, readableFrom: 8))))
        #expect(newer.plan == nil && newer.screen.contains("needs release 8 or newer"))
        let readable = try await screen("3", Paper.checks(Paper.facts(Paper.schema(version: 9, readableFrom: 2))))
        #expect(readable.plan != nil)
    }

    @Test("the site's key comes with the string, or from this machine, or is asked for; a wrong one is refused")
    func key() async throws {
        let (key, other) = (EncryptionKey(), EncryptionKey())
        let checks = Paper.checks(Paper.facts(Paper.schema(Paper.wrapped(key))))
        let carried = try await screen("3", checks, url: "\(Paper.url)?knocknoc_key=\(key.text)")
        #expect(carried.plan?.key == .use(key) && !carried.screen.contains(key.text))
        let wrong = try await screen("3", checks, url: "\(Paper.url)?knocknoc_key=\(other.text)")
        #expect(wrong.plan == nil && wrong.screen.contains("is not this site's"))
        #expect(!wrong.screen.contains(other.text))
        #expect(try await screen("3", checks, key: key).plan?.key == .use(key))
        for known in [nil, other] {
            let terminal = PaperTerminal(
                ["", "", "3", Paper.url, "", "nonsense", other.text, "?", key.text], enters: 2)
            let interview = Paper.interview(checks, key: known)
            let answers = try await Paper.answers(terminal, interview)
            #expect(answers.key == .use(key))
            #expect(terminal.prompts.filter { $0.hasPrefix("(hidden) EncryptionKey") }.count == 5)
            #expect(
                terminal.screen.contains("this is no key") && terminal.screen.contains("this is not the site's key"))
        }
        let nobody = await #expect(throws: SetupError.self) {
            try await Paper.answers(
                PaperTerminal([]), Paper.interview(checks), given: [.source: "3", .databaseURL: Paper.url],
                isInteractive: false)
        }
        #expect(nobody?.message.contains("KNOCKNOC_SETUP_ENCRYPTION_KEY") == true)
    }

    @Test("a machine that pg_hba.conf keeps out is told the line that lets it in")
    func notListed() async throws {
        let words = "FATAL: no pg_hba.conf entry for host \"10.64.11.2\", user \"knocknoc\", database \"knocknoc\""
        let refusal = DatabaseRefusal(.notListed, words)
        let site = try await screen("3", Paper.checks(refusal: refusal))
        #expect(site.screen.contains("sudo /opt/knocknoc/knocker/knocker exposedb --add \"10.64.11.2/32\""))
        let service = try await screen("2", Paper.checks(refusal: refusal))
        #expect(service.screen.contains("let 10.64.11.2/32 in") && !service.screen.contains("exposedb"))
    }
}
