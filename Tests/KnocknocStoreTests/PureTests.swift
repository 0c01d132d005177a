import KnocknocModel
import Testing

@testable import KnocknocStore

@Suite("pure parts of the store")
struct PureTests {
    @Test(
        "dollar parameters become SQLite's, and nothing else does",
        arguments: [
            ("select $1, $12", "select ?1, ?12"),
            ("select '$1', \"$2\", `$3`, [$4], $5", "select '$1', \"$2\", `$3`, [$4], ?5"),
            ("select 'it''s $1', $1", "select 'it''s $1', ?1"),
            ("select a$1, _b$2, ü$3, $3", "select a$1, _b$2, ü$3, ?3"),
            ("-- costs $1\nselect $1", "-- costs $1\nselect ?1"),
            ("/* $1 * / $2 */ $3", "/* $1 * / $2 */ ?3"),
            ("a - $1 / $2 $name $", "a - ?1 / ?2 $name $"),
            ("x='unended $1", "x='unended $1"),
            ("/*/ $1 */ $2", "/*/ $1 */ ?2"),
            ("", ""),
        ])
    func lexer(_ sql: String, _ expected: String) {
        #expect(ParameterLexer.rewrite(sql) == expected)
    }

    @Test("of what the addresses of a host said, a server's own answer is passed on")
    func telling() {
        let silent = StoreError(.unavailable, "nobody listens at fd00::1", sqlState: "08001")
        let answer = StoreError(.unavailable, "no pg_hba.conf entry", sqlState: "28000")
        for errors in [[silent, answer], [answer, silent]] {
            #expect(PostgresConnector.telling(errors)?.sqlState == "28000")
        }
        #expect(PostgresConnector.telling([silent])?.message == silent.message)
        #expect(PostgresConnector.telling([CancellationError()]) == nil)
    }

    @Test("a notification says the same after its journey")
    func notification() throws {
        var events = PendingEvents()
        events.add(.agents([.new(at: SystemTime.now()), .new(at: SystemTime.now())]))
        events.add(.users([.new(at: SystemTime.now())]))
        events.add(.pings([.new(at: SystemTime.now())]))
        let sent = Notification(sender: "me", content: .events(events))
        #expect(Notification(sent.text) == sent)
        let nonce = Notification(sender: "me", content: .nonce("x1"))
        #expect(Notification(nonce.text) == nonce)
    }

    @Test("too many identifiers for one notification become everything")
    func longNotification() {
        var events = PendingEvents()
        events.add(.agents(Set((0..<500).map { _ in .new(at: SystemTime.now()) })))
        #expect(Notification(sender: "me", content: .events(events)).text == "me;*")
    }

    @Test("a notification that is not understood means everything, and foreign text means nothing")
    func foreignNotifications() {
        var everything = PendingEvents()
        everything.add(.everything)
        for text in ["me;z:1", "me;a:nonsense", "me;p:nonsense", "me;*"] {
            #expect(Notification(text)?.content == .events(everything))
        }
        #expect(Notification("hello") == nil)
        #expect(Notification("") == nil)
    }

    @Test("the estimate counts the time since sending, and a clock that went back only stands still")
    func estimate() {
        let start = ContinuousClock.now
        let clock = ClockEstimate(wall: { Timestamp(microseconds: 5) })
        #expect(clock.now(at: start) == Timestamp(microseconds: 5))
        clock.take(Timestamp(microseconds: 1_000_000), sent: start, answered: start + .milliseconds(80))
        #expect(clock.now(at: start + .milliseconds(100)) == Timestamp(microseconds: 1_100_000))
        clock.take(Timestamp(microseconds: 500_000), sent: start + .seconds(1))
        #expect(clock.now(at: start + .seconds(1)) == Timestamp(microseconds: 1_100_000))
        #expect(clock.now(at: start + .seconds(2)) == Timestamp(microseconds: 1_500_000))
        #expect(clock.silence(at: start + .seconds(2)) >= .zero)
    }

    @Test("a database URL shows neither password nor key, and gives up the key")
    func url() throws {
        let url = try DatabaseURL("postgres://kn:s3cret%40x@a:1,b:2/d?sslmode=require&knocknoc_key=AB%2Bc&password=p")
        #expect(url.encryptionKey == "AB+c")
        #expect(url.location == "postgres://kn:s3cret%40x@a:1,b:2/d?sslmode=require&password=p")
        #expect(url.description == "postgres://kn:***@a:1,b:2/d?sslmode=require&password=***")
        #expect(try DatabaseURL("postgres://h/d?knocknoc_key=x").location == "postgres://h/d")
        // libpq decodes names too: nothing that it would see is left, and nothing that is not ours is taken.
        #expect(try DatabaseURL("postgres://h/d?a=1&knocknoc%5Fkey=x&b=2").location == "postgres://h/d?a=1&b=2")
        #expect(try DatabaseURL("postgres://h/d?a=1&knocknoc%5Fkey=x").encryptionKey == "x")
        #expect(try DatabaseURL("postgres://h/d?pass%77ord=p").description == "postgres://h/d?password=***")
        #expect(try DatabaseURL("sqlite:///var/lib/k.db").location == "/var/lib/k.db")
    }

    @Test(
        "a URL that cannot be used says what was expected, without its password",
        arguments: ["mysql://u:s3cret@h/d", "sqlite://relative.db", "sqlite:///", "", "/var/lib/k.db"])
    func badURL(_ text: String) {
        let error = #expect(throws: StoreError.self) { try DatabaseURL(text) }
        #expect(error?.code == .configuration && error?.message.contains("expected") == true)
        #expect(error?.message.contains("s3cret") == false)
    }

    @Test(
        "a URL that libpq cannot use names the parameter and not the password",
        arguments: [
            ("h/d?sslmod=require", "sslmod"), ("h/d?sslmode=requier", "expected one of disable, allow"),
            ("h/d?channel_binding=yes", "channel_binding"), ("h:99999/d", "99999"), ("a:1,b:0/d", "1 to 65535"),
        ])
    func badParameter(_ rest: String, _ part: String) {
        let error = #expect(throws: StoreError.self) {
            try PostgresDatabase(url: "postgres://u:s3cret@\(rest)", logger: Fixture.logger)
        }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(part) == true && error?.message.contains("s3cret") == false)
    }

    @Test("a refusal gives up its code, in whatever language, and shows no place in Postgres' sources")
    func refusal() {
        let words = "connection to server at \"h\", port 5432 failed: FATAL:  28P01: password authentication failed"
        let refusal = PostgresRefusal("\(words)\nLOCATION:  auth_failed, auth.c:338\n")
        #expect(refusal.sqlState == "28P01")
        #expect(
            refusal.reason
                == "connection to server at \"h\", port 5432 failed: FATAL: password authentication failed")
        let other = PostgresRefusal("SCHWERWIEGEND:  28000: kein pg_hba.conf-Eintrag\nFATAL:  3D000: keine Datenbank")
        #expect(other.sqlState == "28000")
        #expect(other.reason == "SCHWERWIEGEND: kein pg_hba.conf-Eintrag; FATAL: keine Datenbank")
        let plain = PostgresRefusal("connection refused:  no code, ABCDE: neither\n\tIs it running?")
        #expect(plain.sqlState == nil && plain.reason == "connection refused:  no code, ABCDE: neither; Is it running?")
    }

    @Test("hosts of a DSN keep their ports and share the rest")
    func hosts() throws {
        let targets = try PostgresTarget.parse("postgres://u@a:1,b:2/d?tcp_user_timeout=7&target_session_attrs=any")
        #expect(targets.map(\.name) == ["a:1", "b:2"])
        #expect(targets[1].parameters["tcp_user_timeout"] == "7")
        #expect(targets[1].parameters["keepalives_idle"] == "5")
        #expect(try PostgresTarget.parse("postgres://u@a,b:9/d").map(\.port) == [nil, "9"])
    }

    @Test("slots go to whoever asked first, and waiting ends")
    func semaphore() async throws {
        let semaphore = FairSemaphore(slots: 1)
        try await semaphore.acquire(within: .seconds(1), for: "a test")
        await #expect(throws: StoreError.self) {
            try await semaphore.acquire(within: .milliseconds(10), for: "a test")
        }
        let waiting = Task { try await semaphore.acquire(within: .seconds(60), for: "a test") }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        semaphore.release()
        try await semaphore.acquire(within: .milliseconds(10), for: "a test")
    }

    @Test("a race goes on to the next when one is slow, and ends with all reasons when none succeeds")
    func race() async throws {
        let never = Latch()
        let winner = try await StaggeredRace.first(of: [0, 1, 2], every: .milliseconds(5)) { item in
            if item == 0 { _ = try await never.wait(within: .seconds(60)) }
            if item == 1 { throw StoreError(.unavailable, "one") }
            return item
        } failure: {
            $0[0]
        }
        #expect(winner == 2)
        let error = await #expect(throws: StoreError.self) {
            try await StaggeredRace.first(of: ["a", "b"], every: .seconds(60)) { item -> Int in
                throw StoreError(.unavailable, item)
            } failure: { errors in
                StoreError(.unavailable, errors.map { "\($0)" }.joined())
            }
        }
        #expect(error?.message == "ab")
    }
}
