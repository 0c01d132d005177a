import KnocknocModel
import KnocknocStore
import KnocknocSystem
import KnocknocToolkit
import Testing

@testable import KnocknocInstaller

@Suite("the installer's dialogue")
struct DialogueTests {
    @Test("Enter to everything is one node with a Postgres of its own, reached from this machine only")
    func standard() async throws {
        let terminal = PaperTerminal([], enters: 5)
        let interview = Paper.interview()
        let plan = try interview.plan(try await Paper.answers(terminal, interview))
        #expect(plan.listen.description == "127.0.0.1:8756")
        #expect(plan.database == .local && plan.key == .keepOrMake && !plan.mayMigrate)
        #expect(plan.settings.contains(.init("TrustedForwarders", "127.0.0.1/32")))
        #expect(!plan.settings.contains { $0.key.hasPrefix("TLS") })
        #expect(
            terminal.prompts == [
                "Listen on IP:PORT (default: 127.0.0.1:8756): ", "TrustedForwarders (default: 127.0.0.1/32): ",
                "Option 1, 2 or 3? (default: 1): ",
                "Address that people type, as https://HOST[:PORT] (default: none, this machine's own addresses): ",
                "Continue? (yes, no) (default: yes): ",
            ])
    }

    @Test("a script that answers four questions and then presses Enter adds a web node to a site")
    func script() async throws {
        let terminal = PaperTerminal(["0.0.0.0:8756", "192.168.100.1/32", "3", Paper.url], enters: 3)
        let interview = Paper.interview(Paper.checks(Paper.facts(Paper.schema())))
        let plan = try interview.plan(try await Paper.answers(terminal, interview))
        #expect(terminal.unread == 0)
        #expect(plan.listen.description == "0.0.0.0:8756" && plan.key == .none)
        guard case .existing(let url) = plan.database else {
            Issue.record("\(plan.database)")
            return
        }
        #expect(url.location == Paper.url)
        #expect(plan.settings.contains(.init("TrustedForwarders", "192.168.100.1/32")))
        // Beyond loopback passwords do not travel in the clear.
        #expect(plan.settings.contains(.init("TLSSelfSigned", "true")))
        #expect(plan.settings.contains(.init("TLSSAN", "web-2,192.0.2.20")))
        #expect(!terminal.screen.contains("random-password"))
        #expect(terminal.screen.contains("postgres://knocknoc:***@10.64.11.1:5432/knocknoc"))
    }

    @Test("? explains and asks again, back asks the one before again")
    func helpAndBack() async throws {
        let terminal = PaperTerminal(
            ["back", "?", "127.0.0.1:1000", "back", "127.0.0.1:2000", "10.0.0.1/32", "2", "BACK", "back", "none", "1"],
            enters: 2)
        let answers = try await Paper.answers(terminal)
        #expect(answers.listen?.port == 2000 && answers.forwarders == "none" && answers.source == .local)
        #expect(terminal.screen.contains("This is the first question."))
        #expect(terminal.screen.contains("suits a reverse proxy on this machine"))
        #expect(terminal.unread == 0)
    }

    @Test(
        "an answer that cannot be is refused with the reason, and asked again",
        arguments: [
            (["8756"], "is not IP:PORT"), (["127.0.0.1:0"], "is not IP:PORT"), (["127.0.0.1:99999"], "is not IP:PORT"),
            (["192.0.2.1:81"], "another process listens on 192.0.2.1:81"),
            (["", "10.0.0.1/8"], "did you mean 10.0.0.0/8?"), (["", "proxy"], "is not an address"),
            (["", ","], "no network was given"), (["", "0.0.0.0/0"], "would let anybody choose"),
            (["", "", "4"], "is not 1, 2 or 3"), (["", "", "keep"], "no configuration whose database could be kept"),
            (["", "", "2", ""], "This needs an answer"), (["", "", "2", "mysql://h/d"], "expected postgres://"),
            (["", "", "3", "sqlite:///a/b"], "cannot be shared"),
            (["", "", "3", "postgres://h/d?sslmod=require"], "sslmod"),
            (["", "", "1", "wiki"], "is not https://HOST"), (["", "", "1", "", "perhaps"], "neither yes nor no"),
        ])
    func wrong(_ lines: [String], _ reason: String) async throws {
        let checks = Paper.checks(taken: ListenAddress(host: "192.0.2.1", port: 81))
        let terminal = PaperTerminal(lines)
        let error = await #expect(throws: SetupError.self) {
            try await Paper.answers(terminal, Paper.interview(checks))
        }
        #expect(error?.code == .ended)
        #expect(terminal.screen.contains(reason), "\(terminal.screen)")
        // The same question is asked twice.
        #expect(terminal.prompts.count == lines.count + 1 && terminal.prompts.last == terminal.prompts.dropLast().last)
    }

    @Test("where the input ends, what was being asked is said, and nothing hangs")
    func ended() async throws {
        let script = ["0.0.0.0:8756", "192.168.100.1/32", "3", Paper.url, "", "", ""]
        let asked = [
            "Listen on", "TrustedForwarders", "Option 1", "Connection string", "Serve https", "Address that people",
            "Continue?",
        ]
        for count in asked.indices {
            let terminal = PaperTerminal(Array(script.prefix(count)))
            let interview = Paper.interview(Paper.checks(Paper.facts(Paper.schema())))
            let error = await #expect(throws: SetupError.self) { try await Paper.answers(terminal, interview) }
            #expect(error?.code == .ended && error?.message.contains(asked[count]) == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("nothing was changed") == true)
        }
    }

    @Test(
        "without anybody to ask, what cannot be on any machine is wrong usage, and what cannot be on this one is refused",
        arguments: [
            (.listen, "8756", .usage), (.listen, "192.0.2.1:81", .refused), (.forwarders, "10.0.0.1/8", .usage),
            (.forwarders, "0.0.0.0/0", .usage), (.publicURL, "wiki", .usage), (.encryptionKey, "wiki", .usage),
            (.encryptionKey, EncryptionKey().text, .refused), (.databaseURL, Paper.url + "?knocknoc_key=wiki", .usage),
        ] as [(Question.ID, String, SetupError.Code)])
    func usage(_ id: Question.ID, _ text: String, _ code: SetupError.Code) async throws {
        let checks = Paper.checks(
            Paper.facts(Paper.schema(Paper.wrapped(EncryptionKey()))), taken: ListenAddress(host: "192.0.2.1", port: 81)
        )
        var given: [Question.ID: String] = [.source: "1"]
        if [.databaseURL, .encryptionKey].contains(id) { given = [.source: "3", .databaseURL: Paper.url] }
        given[id] = text
        let all = given
        let error = await #expect(throws: SetupError.self) {
            try await Paper.answers(PaperTerminal([]), Paper.interview(checks), given: all, isInteractive: false)
        }
        let flag = id == .encryptionKey ? "KNOCKNOC_SETUP_ENCRYPTION_KEY: " : "--"
        #expect(error?.code == code && error?.message.hasPrefix(flag) == true, "\(error?.message ?? "")")
    }

    @Test("the guide has every way to run it, by the commands of the pages that it is short for")
    func guide() throws {
        let page =
            String(#filePath.dropLast("Tests/InstallerTests/DialogueTests.swift".count)) + "docs/high-availability.md"
        let text = try #require(try SystemFile(page).text())
        for command in [
            "knocker exposedb --init", "knocker exposedb --add", "knocker haproxy --init", "knocker replica --allow",
            "knocker replica --init", "knocker replica --follow", "knocker promote", "knocknoc scaffold --patroni",
        ] {
            #expect(Guide.text.contains(command) && text.contains(command), "\(command)")
        }
        for way in ["knocknoc serve --all-in-one --data-dir DIR", "knocknoc-setup --embedded", "option 1", "option 2"] {
            #expect(Guide.text.contains(way), "\(way)")
        }
        // Patroni takes over what option 1 has made.
        let two = try #require(Guide.text.firstRange(of: "option 2"))
        let patroni = try #require(Guide.text.firstRange(of: "Patroni"))
        #expect(two.lowerBound < patroni.lowerBound)
        #expect(Guide.text.split(separator: "\n").contains { $0.contains("Patroni") && $0.contains("option 1") })
    }

    @Test("no to the summary changes nothing")
    func declined() async throws {
        let error = await #expect(throws: SetupError.self) {
            try await Paper.answers(PaperTerminal(["", "", "", "", "no"]))
        }
        #expect(error?.code == .declined)
    }

    @Test("without anybody to ask, what is missing is named by its flag, and what was given is all that is needed")
    func nobody() async throws {
        let site = Paper.interview(Paper.checks(Paper.facts(Paper.schema())))
        let missing = { (given: [Question.ID: String]) in
            await #expect(throws: SetupError.self) {
                try await Paper.answers(PaperTerminal([]), site, given: given, isInteractive: false)
            }
        }
        let first = await missing([:])
        #expect(first?.code == .missing && first?.message.contains("--db-option") == true)
        let second = await missing([.source: "3"])
        #expect(second?.code == .missing && second?.message.contains("--database-url") == true)
        let third = await missing([.listen: "nonsense", .source: "1"])
        #expect(third?.code == .usage && third?.message.contains("--listen") == true)
        let terminal = PaperTerminal([])
        let answers = try await Paper.answers(
            terminal, site, given: [.source: "3", .databaseURL: Paper.url, .listen: "[::]:8756"], isInteractive: false)
        #expect(answers.source == .existing && answers.listen?.host == "::" && terminal.prompts.isEmpty)
    }

    @Test("a flag that cannot be is asked about where somebody is there")
    func wrongFlag() async throws {
        let terminal = PaperTerminal(["127.0.0.1:9000"], enters: 4)
        let answers = try await Paper.answers(terminal, given: [.listen: "nonsense", .forwarders: "none"])
        #expect(answers.listen?.port == 9000 && answers.forwarders == "none")
        #expect(terminal.screen.contains("--listen: \"nonsense\" is not IP:PORT"))
    }

    @Test("a machine that is set up has its values as defaults, and Enter to everything changes nothing")
    func again() async throws {
        let old = """
            # Ours.
            Listen = 0.0.0.0:9000   # behind HAProxy
            TrustedForwarders = 10.0.0.1/32,10.0.0.2/32
            DatabaseURL = postgres://knocknoc:s3cret@db/knocknoc
            TLSSelfSigned = true
            Zone = east
            PublicURL = https://knock.example

            """
        let interview = Paper.interview(Paper.checks(Paper.facts(Paper.schema())), existing: old)
        let terminal = PaperTerminal([], enters: 5)
        let plan = try interview.plan(try await Paper.answers(terminal, interview))
        #expect(try plan.configuration(from: old, databaseURL: "postgres://knocknoc:s3cret@db/knocknoc") == old)
        #expect(terminal.screen.contains("stays as it is: postgres://knocknoc:***@db/knocknoc"))
        #expect(!terminal.screen.contains("s3cret"))
        let one = PaperTerminal(["0.0.0.0:9001"], enters: 4)
        let changed = try interview.plan(try await Paper.answers(one, interview))
        #expect(
            try changed.configuration(from: old, databaseURL: "postgres://knocknoc:s3cret@db/knocknoc")
                == old.replacing("Listen = 0.0.0.0:9000   # behind HAProxy", with: "Listen = 0.0.0.0:9001"))
    }
}
