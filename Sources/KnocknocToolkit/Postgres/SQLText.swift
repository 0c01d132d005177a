import KnocknocSystem

/// Names and values inside SQL that goes to `psql`.
enum SQLText {
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

    private static func check(_ text: String) throws(SystemError) {
        guard !text.utf8.contains(where: { $0 < 32 }) else {
            throw SystemError(.invalid, "a name or value with control characters in it is not used in SQL")
        }
    }
}
