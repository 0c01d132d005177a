import KnocknocSystem

/// Names and values inside SQL that goes to `psql`.
enum SQLText {
    /// Keeps what follows out of the server's log: it holds a password's verifier.
    static let quiet = """
        set log_statement = none; set log_min_duration_statement = -1; set log_min_error_statement = panic;
        """

    /// - Throws: ``SystemError`` `invalid` where no such name can be.
    static func identifier(_ name: String) throws(SystemError) -> String {
        try check(name)
        return "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    /// For `standard_conforming_strings = on`, which our sessions set.
    static func literal(_ value: String) throws(SystemError) -> String {
        try check(value)
        return "'" + value.replacing("'", with: "''") + "'"
    }

    /// A block of PL/pgSQL, in quotes that nothing inside can end: a database may have any name.
    static func block(_ body: String) -> String {
        var tag = "$do"
        while body.contains(tag) { tag += "o" }
        return "do \(tag)$\n\(body)\n\(tag)$;"
    }

    private static func check(_ text: String) throws(SystemError) {
        guard !text.utf8.contains(where: { $0 < 32 }) else {
            throw SystemError(.invalid, "a name or value with control characters in it is not used in SQL")
        }
    }
}
