/// Somebody's configuration as it may be shown: without passwords.
public enum Redaction {
    /// The text with what follows a word for a password hidden, to the end of its line: where a value ends is its
    /// program's own rule, and hiding too much does no harm.
    public static func of(_ text: String) -> String {
        var hidesNext = false
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            let goesOn = line.hasSuffix("\\")
            if hidesNext {
                hidesNext = goesOn
                return "***"
            }
            guard let end = secret(in: line) else { return urls(in: line) }
            hidesNext = goesOn
            return urls(in: line[..<end]) + "***"
        }.joined(separator: "\n")
    }

    /// Where a line's first secret begins.
    private static func secret(in line: Substring) -> String.Index? {
        let assigned =
            /(?i)[a-z0-9_-]*(?:passw|secret|passphrase|private_?key|encryption_?key|token)[a-z0-9_-]*["']?\s*[=:]\s*/
        // HAProxy's own: words with blanks between.
        let spoken =
            /(?i)\b(?:insecure-password|password|stats\s+auth|ocsp-key-password|(?:pre)?setenv\s+\S+|authorization)\s+(?=\S)/
        let ends = [line.firstMatch(of: assigned), line.firstMatch(of: spoken)].compactMap { match in
            match.map(\.range.upperBound)
        }
        guard let end = ends.min(), end < line.endIndex else { return nil }
        return end
    }

    /// `scheme://user:password@host` with the password hidden.
    private static func urls(in line: Substring) -> String {
        String(line).replacing(/(:\/\/[^:\/@\s]*):[^\/\s]*@/) { match in "\(match.output.1):***@" }
    }
}
