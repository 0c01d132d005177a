import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocInstaller
@testable import KnocknocToolkit

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

    @Test("whether a site's key is wrapped is chosen when it is made, and not by a node that joins")
    func unwrapped() async throws {
        for (option, isAllowed) in [("1", true), ("2", true), ("3", false)] {
            let facts = option == "3" ? Paper.facts(Paper.schema()) : Paper.facts()
            var interview = Paper.interview(Paper.checks(facts))
            interview.isUnwrapped = true
            let lines = ["", "", option] + (option == "1" ? [] : [Paper.url])
            let answers = try await Paper.answers(PaperTerminal(lines, enters: 3), interview)
            if isAllowed {
                #expect(try interview.plan(answers).key == .unwrapped)
            } else {
                #expect(throws: SetupError.self) { try interview.plan(answers) }
            }
        }
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

    @Test("connection strings are asked for hidden, and shown again without their password")
    func hidden() async throws {
        for option in ["2", "3"] {
            let facts = option == "2" ? Paper.facts() : Paper.facts(Paper.schema())
            for checks in [Paper.checks(facts), Paper.checks(refusal: DatabaseRefusal(.nobodyThere, "refused"))] {
                let terminal = PaperTerminal(["", "", option, Paper.url], enters: 3)
                _ = try? await Paper.answers(terminal, Paper.interview(checks))
                #expect(terminal.prompts[3].hasPrefix("(hidden) Connection string of the "))
                #expect(terminal.screen.contains("postgres://knocknoc:***@10.64.11.1:5432/knocknoc"))
                #expect(!terminal.screen.contains("random-password"))
            }
        }
    }

    @Test("a connection that nobody vouches for is said, with the parameters that change it")
    func protection() async throws {
        var facts = Paper.facts()
        #expect(try await !screen("2", Paper.checks(facts)).screen.contains("Note: "))
        facts.isVerified = false
        let encrypted = try await screen("2", Paper.checks(facts)).screen
        #expect(encrypted.contains("is encrypted") && encrypted.contains("sslmode=verify-full&sslrootcert=FILE"))
        facts.isProtected = false
        let plain = try await screen("2", Paper.checks(facts)).screen
        #expect(
            plain.contains("nothing makes sure that this connection is encrypted") && plain.contains("sslrootcert=FILE")
        )
    }

    @Test("option 1 says that a cluster from before can be reached, and refuses one that lets others in")
    func exposed() async throws {
        var checks = Paper.checks()
        checks.exposureHere = { LocalPostgres.Exposure(addresses: "*", openings: []) }
        let noted = PaperTerminal(["", "", "1"], enters: 3)
        #expect(try await Paper.answers(noted, Paper.interview(checks)).source == .local)
        #expect(noted.screen.contains("listens on *"))
        checks.exposureHere = {
            LocalPostgres.Exposure(addresses: "*", openings: ["line 7 of /f: host all all all trust"])
        }
        let refused = PaperTerminal(["", "", "1"])
        _ = try? await Paper.answers(refused, Paper.interview(checks))
        #expect(refused.screen.contains("without a password: line 7") && refused.prompts.count == 4)
    }
}
