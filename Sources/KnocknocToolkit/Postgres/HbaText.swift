/// The bytes of a pg_hba.conf as Postgres' own reader takes them apart (next_token and tokenize_auth_file in hba.c):
/// what is not ours is never decoded, only passed on.
struct HbaText: Sendable {
    struct Token: Hashable, Sendable {
        var bytes: [UInt8]
        /// Keywords mean nothing in quotes.
        var isQuoted: Bool

        func isKeyword(_ word: String) -> Bool { !isQuoted && bytes.elementsEqual(word.utf8) }
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    struct Line: Sendable {
        /// All of it, continuations and line feeds too.
        var range: Range<Int>
        /// Of its first physical line, counted from 1.
        var number: Int
        var fields: [[Token]]
    }

    let bytes: [UInt8]
    let lines: [Line]

    /// - Parameter continues: whether a backslash at its end joins a line with the next, as from PostgreSQL 14 on.
    init(_ bytes: [UInt8], continues: Bool) {
        self.bytes = bytes
        var lines: [Line] = []
        var (start, number) = (0, 1)
        while start < bytes.count {
            var joined: [UInt8] = []
            var (end, first, mark) = (start, number, 0)
            repeat {
                let next = bytes[end...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
                joined += bytes[end..<next]
                while let last = joined.last, last == 10 || last == 13 { joined.removeLast() }
                (end, number) = (next, number + 1)
                guard continues, joined.count > mark, joined.last == 92 else { break }
                joined.removeLast()
                mark = joined.count
            } while end < bytes.count
            lines.append(Line(range: start..<end, number: first, fields: Self.fields(joined[...])))
            (start, first) = (end, number)
        }
        self.lines = lines
    }

    private static func fields(_ line: ArraySlice<UInt8>) -> [[Token]] {
        var rest = line
        var fields: [[Token]] = []
        while !rest.isEmpty {
            var field: [Token] = []
            var goesOn = true
            while goesOn, !rest.isEmpty {
                goesOn = false
                guard let token = next(&rest, &goesOn) else { break }
                field.append(token)
            }
            if field.isEmpty { break }
            fields.append(field)
        }
        return fields
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 }

    private static func next(_ rest: inout ArraySlice<UInt8>, _ endsWithComma: inout Bool) -> Token? {
        rest = rest.drop { isBlank($0) || $0 == 44 }
        var token: [UInt8] = []
        var (inQuotes, wasQuote, sawQuote, beginsQuoted) = (false, false, false, false)
        while let byte = rest.first, !isBlank(byte) || inQuotes {
            if byte == 35, !inQuotes {
                rest = []
                break
            }
            rest = rest.dropFirst()
            if byte == 44, !inQuotes {
                endsWithComma = true
                break
            }
            if byte != 34 || wasQuote { token.append(byte) }
            wasQuote = inQuotes && byte == 34 ? !wasQuote : false
            if byte == 34 {
                inQuotes.toggle()
                sawQuote = true
                if token.isEmpty { beginsQuoted = true }
            }
        }
        return sawQuote || !token.isEmpty ? Token(bytes: token, isQuoted: beginsQuoted) : nil
    }
}

extension HbaText.Line {
    /// Whether it lets connections over the network in, or may: any line for hosts that is not `reject`, and a line
    /// that includes another file.
    var admitsHosts: Bool {
        guard let type = fields.first?.first?.text else { return false }
        if type.hasPrefix("include") { return true }
        guard type.hasPrefix("host") else { return false }
        return !(method?.isKeyword("reject") ?? false)
    }

    /// Whether it is about who comes by a socket.
    var isLocal: Bool { fields.first?.first?.text == "local" }

    /// An address without a length is followed by a mask in a column of its own.
    private var method: HbaText.Token? {
        guard fields.count > 4, let address = fields[3].first else { return nil }
        let words = ["all", "samehost", "samenet"]
        let isBare =
            !address.bytes.contains(47) && !words.contains(where: address.isKeyword)
            && address.bytes.allSatisfy { ($0 | 32) >= 97 && ($0 | 32) <= 102 || (46...58).contains($0) || $0 == 37 }
            && (address.bytes.contains(58) || address.bytes.last.map { (48...57).contains($0) } ?? false)
        return isBare ? fields.dropFirst(5).first?.first : fields[4].first
    }
}
