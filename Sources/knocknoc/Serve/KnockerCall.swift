import KnocknocServer
import KnocknocStore

/// A command of `knocker` as somebody at this terminal types it, for the database that this server uses.
enum KnockerCall {
    static func text(_ command: String, _ settings: ServerSettings) throws -> String {
        let program = CommandLine.arguments.first ?? "knocknoc"
        let place = try place(settings)
        return "\(quoted(program)) knocker \(command) \(place)"
    }

    private static func place(_ settings: ServerSettings) throws -> String {
        if settings.databaseURL == "sqlite://\(settings.dataDirectory)/knocknoc.db" {
            return "--data-dir \(quoted(settings.dataDirectory))"
        }
        let shown = try DatabaseURL(settings.databaseURL).description
        // A password has no place on a command line, which everybody on the machine can read.
        let url = shown.replacing(":***@", with: "@")
        return "--database-url \(quoted(url))"
            + (shown.contains("***") ? " (with the password in the environment, as PGPASSWORD)" : "")
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "/._-:@".utf8.contains(byte)
        }
        return plain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
