/// Why a server did not let a connection in, from libpq's verbose text: `…FATAL:  28P01: words` and a `LOCATION:` line.
struct PostgresRefusal {
    /// Without codes and places in Postgres' sources, in one line.
    let reason: String
    /// The first one given.
    let sqlState: String?

    init(_ text: String) {
        var state: String?
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("LOCATION:") }.map { line in
            let line = line.drop(while: \.isWhitespace)
            guard let (range, code) = Self.code(in: line) else { return String(line) }
            state = state ?? code
            return line[..<range.lowerBound] + " " + line[range.upperBound...]
        }
        reason = lines.joined(separator: "; ")
        sqlState = state
    }

    /// Two spaces, five digits or capital letters, a colon and a space, as `pqBuildErrorMessage3` writes them.
    private static func code(in line: Substring) -> (Range<Substring.Index>, String)? {
        var index = line.startIndex
        while let start = line[index...].firstRange(of: ":  ") {
            let rest = line[start.upperBound...]
            let code = rest.prefix(5)
            let isCode =
                code.utf8.count == 5 && code.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) }
            if isCode, rest.dropFirst(5).hasPrefix(": ") {
                let from = line.index(after: start.lowerBound)
                return (from..<rest.index(rest.startIndex, offsetBy: 7), String(code))
            }
            index = start.upperBound
        }
        return nil
    }
}
