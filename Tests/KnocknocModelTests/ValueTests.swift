import Foundation
import KnocknocModel
import Testing

@Suite("times")
struct TimeTests {
    @Test(
        "RFC 3339 is read and written",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2026-01-02T03:04:05.25Z", 1_767_323_045_250_000, "2026-01-02T03:04:05.25Z"),
            ("2026-01-02t03:04:05z", 1_767_323_045_000_000, "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+01:30", 1_767_317_645_000_000, "2026-01-02T01:34:05Z"),
            ("2024-02-29T23:59:59.999999Z", 1_709_251_199_999_999, "2024-02-29T23:59:59.999999Z"),
            ("1969-12-31T23:59:59.5Z", -500_000, "1969-12-31T23:59:59.5Z"),
            ("2026-01-02T03:04:05.1234567Z", 1_767_323_045_123_456, "2026-01-02T03:04:05.123456Z"),
        ] as [(String, Int64, String)])
    func text(_ text: String, _ microseconds: Int64, _ written: String) throws {
        let time = try Timestamp(parsing: text)
        #expect(time.microseconds == microseconds)
        #expect(time.description == written)
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2026-02-29T03:04:05Z",
            "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:60Z", "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+0130", "2026-01-02 03:04:05Z", "20x6-01-02T03:04:05Z", "2026-01-00T03:04:05Z",
        ])
    func refused(_ text: String) {
        #expect(throws: ModelError.self) { try Timestamp(parsing: text) }
    }

    @Test("what Foundation writes for many moments is what is written here")
    func agreement() throws {
        let formatter = ISO8601DateFormatter()
        for step in 0..<2000 {
            let seconds = Int64(step) * 2_345_678 - 500_000_000
            let date = Date(timeIntervalSince1970: Double(seconds))
            let time = Timestamp(microseconds: seconds * 1_000_000)
            #expect(time.description == formatter.string(from: date))
            #expect(try Timestamp(parsing: time.description) == time)
        }
    }

    @Test("milliseconds are rounded down, also before")
    func milliseconds() {
        let zero = Timestamp(microseconds: 0)
        #expect(Timestamp(microseconds: 1999).milliseconds(since: zero) == 1)
        #expect(zero.milliseconds(since: Timestamp(microseconds: 1999)) == -2)
        #expect(zero.milliseconds(since: Timestamp(microseconds: 2000)) == -2)
    }
}

@Suite("identifiers")
struct IdentifierTests {
    @Test("are version 7 UUIDs in order of time")
    func order() throws {
        var generator = SystemRandomNumberGenerator()
        let early = UserID.new(at: Timestamp(microseconds: 1_700_000_000_000_000), using: &generator)
        let late = UserID.new(at: Timestamp(microseconds: 1_700_000_000_001_000), using: &generator)
        #expect(early < late)
        #expect(early.description < late.description)
        let uuid = try #require(UUID(uuidString: early.description))
        #expect(uuid.uuid.6 >> 4 == 7)
        #expect(uuid.uuid.8 >> 6 == 2)
        #expect(UserID(early.description.uppercased()) == early)
        #expect(early != UserID.new(at: Timestamp(microseconds: 1_700_000_000_000_000), using: &generator))
    }

    @Test(
        "other text is refused",
        arguments: [
            "", "0189", "0189abcd-0000-7000-8000-00000000000", "0189abcd-0000-7000-8000-0000000000000",
            "0189abcd00000-7000-8000-000000000000", "0189abcg-0000-7000-8000-000000000000",
            "{189abcd-0000-7000-8000-00000000000}",
        ])
    func refused(_ text: String) {
        #expect(UserID(text) == nil)
    }
}
