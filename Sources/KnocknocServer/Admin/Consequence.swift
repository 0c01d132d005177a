import KnocknocAccess
import KnocknocModel

/// What destroying something does, in words.
enum Consequence {
    static let final = "This cannot be undone; the audit keeps its trace."

    static func count(_ number: Int64, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }

    static func grants(_ number: Int64) -> String {
        number == 0 ? "Ends no grant: nothing is open now." : "Ends \(count(number, "grant", "grants")) now."
    }
}

extension Access {
    /// How many live grants are such; stops counting after a few pages, where the exact number says no more.
    func liveGrants(where matches: (GrantRecord) -> Bool) async throws -> Int64 {
        var count: Int64 = 0
        var after: GrantID?
        for _ in 0..<10 {
            let page = try await listGrants(live: true, after: after, limit: 500)
            count += Int64(page.count { matches($0) })
            guard page.count == 500, let last = page.last else { break }
            after = last.id
        }
        return count
    }

    /// Groups by id, for choices and tables; a site has tens of them.
    func groupNames() async throws -> [GroupID: String] {
        Dictionary(try await listGroups(limit: 500).map { ($0.id, $0.name) }) { first, _ in first }
    }
}

extension FormValues {
    /// The length of time in a field, in seconds; nil where it is empty or wrong.
    func duration(_ name: String, _ errors: inout FormErrors) -> Int64? {
        guard let text = optional(name) else { return nil }
        guard let seconds = DurationText.seconds(text) else {
            errors.fields[name] = "\"\(text)\" is not a length of time; write it as 30m, 8h or 1h 30m."
            return nil
        }
        guard seconds > 0 else {
            errors.fields[name] = "\"\(text)\" is no time at all; write it as 30m or 8h, or leave it empty."
            return nil
        }
        return seconds
    }
}
