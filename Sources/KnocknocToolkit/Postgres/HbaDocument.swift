import KnocknocSystem

/// A pg_hba.conf with our block taken out: what is written back has the block where it belongs and every other byte as
/// it was.
struct HbaDocument: Sendable {
    /// What stands between our marks, in order.
    enum Content: Hashable, Sendable {
        case entry(HbaEntry)
        /// Keeps everybody but superusers out of a database, for a while.
        case refusal(String)
        /// Somebody's own, with its line feed.
        case foreign([UInt8])
    }

    static let begin = "# BEGIN knocknoc: \"knocker exposedb\" writes what stands down to END"
    static let end = "# END knocknoc"
    private static let beginMark = Array("# BEGIN knocknoc".utf8)
    private static let endMark = Array("# END knocknoc".utf8)
    /// Says that the line before ended the file without a line feed, so that it does again one day.
    private static let unended = " (after a line without an end)"
    private static let refusing = "  # until \"knocker promote\" is at its end"

    /// The file without our block.
    private let rest: [UInt8]
    private let continues: Bool
    private(set) var contents: [Content]

    /// - Throws: ``SystemError`` `invalid` where our marks do not come in one pair.
    init(_ bytes: [UInt8], continues: Bool) throws(SystemError) {
        self.continues = continues
        var lines: [Range<Int>] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
            lines.append(start..<end)
            start = end
        }
        let begins = lines.indices.filter { bytes[lines[$0]].starts(with: Self.beginMark) }
        let ends = lines.indices.filter { bytes[lines[$0]].starts(with: Self.endMark) }
        guard let first = begins.first, let last = ends.first else {
            guard begins.isEmpty, ends.isEmpty else { throw Self.unpaired((begins + ends)[0]) }
            rest = bytes
            contents = []
            return
        }
        guard begins.count == 1, ends.count == 1, first < last else {
            throw Self.unpaired((begins.dropFirst().first ?? ends.dropFirst().first ?? last))
        }
        var before = bytes[..<lines[first].lowerBound]
        let after = bytes[lines[last].upperBound...]
        let isUnended = String(decoding: bytes[lines[first]], as: UTF8.self).contains(Self.unended)
        if isUnended, after.isEmpty, before.last == 10 {
            before.removeLast()
            if before.last == 13, bytes[lines[first]].contains(13) { before.removeLast() }
        }
        rest = Array(before + after)
        let inside = Array(bytes[lines[first].upperBound..<lines[last].lowerBound])
        let text = HbaText(inside, continues: continues)
        contents = text.lines.map { line in
            if let entry = HbaEntry(line) { return .entry(entry) }
            let words = String(decoding: inside[line.range].prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
            return words.hasSuffix(Self.refusing) ? .refusal(words) : .foreign(Array(inside[line.range]))
        }
    }

    private static func unpaired(_ index: Int) -> SystemError {
        SystemError(
            .invalid,
            "line \(index + 1) of pg_hba.conf is one of our marks without its pair (\"\(begin.prefix(16))\" and "
                + "\"\(end)\"); put the other back or take this one out, then try again")
    }

    /// Our lines for one database.
    func entries(of database: String) -> [HbaEntry] {
        contents.compactMap { content in
            guard case .entry(let entry) = content, entry.database == database else { return nil }
            return entry.isReplication ? nil : entry
        }
    }

    mutating func add(_ entry: HbaEntry) {
        if !contents.contains(.entry(entry)) { contents.append(.entry(entry)) }
    }

    mutating func remove(where matches: (HbaEntry) -> Bool) {
        contents.removeAll { content in
            if case .entry(let entry) = content { matches(entry) } else { false }
        }
    }

    /// Puts lines before all others that let nobody into a database but superusers who come by the socket, whatever other
    /// lines say.
    ///
    /// - Parameter role: whose members may not come by the socket either.
    mutating func refuse(_ database: String, role: String) {
        admit()
        let name = HbaEntry.quoted(database)
        let lines = [
            "local \(name) +\(role) reject", "host \(name) all 0.0.0.0/0 reject", "host \(name) all ::/0 reject",
        ]
        contents.insert(contentsOf: lines.map { .refusal($0 + Self.refusing) }, at: 0)
    }

    var refuses: Bool { contents.contains { if case .refusal = $0 { true } else { false } } }

    /// Takes back ``refuse(_:role:)``.
    mutating func admit() { contents.removeAll { if case .refusal = $0 { true } else { false } } }

    /// The whole file: our block before the first line that may let a host in, or at the end; where it refuses, before the
    /// first line that may let anybody in.
    var bytes: [UInt8] {
        let hasEntries = contents.contains { if case .foreign = $0 { false } else { true } }
        guard hasEntries else {
            let left = contents.flatMap { content -> [UInt8] in
                if case .foreign(let bytes) = content { bytes } else { [] }
            }
            return left.isEmpty ? rest : inserting(left)
        }
        let feed: [UInt8] = usesCarriageReturns ? [13, 10] : [10]
        let isUnended = place == rest.count && !rest.isEmpty && rest.last != 10
        var block = Array((Self.begin + (isUnended ? Self.unended : "")).utf8) + feed
        for content in contents {
            switch content {
            case .entry(let entry): block += Array(entry.line.utf8) + feed
            case .refusal(let line): block += Array(line.utf8) + feed
            case .foreign(let bytes): block += bytes
            }
        }
        return inserting((isUnended ? feed : []) + block + Array(Self.end.utf8) + feed)
    }

    private func inserting(_ block: [UInt8]) -> [UInt8] { Array(rest[..<place] + block + rest[place...]) }

    private var place: Int {
        let text = HbaText(rest, continues: continues)
        return text.lines.first { $0.admitsHosts || refuses && $0.isLocal }?.range.lowerBound ?? rest.count
    }

    private var usesCarriageReturns: Bool {
        guard let first = rest.firstIndex(of: 10), first > 0 else { return false }
        return rest[first - 1] == 13
    }
}
