import Foundation
import KnocknocModel
import KnocknocServer
import KnocknocStore
import KnocknocSystem
import Logging
import Testing

@testable import KnocknocInstaller
@testable import KnocknocToolkit

/// A Postgres that lets its logins in by different ways, and machines in folders.
enum TestSite {
    static let password = "s3cret@:/%"
    static let encodedPassword = "s3cret%40%3A%2F%25"
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// `owner`: TLS and SCRAM, as exposedb's login; `plain`: SCRAM without TLS too; nobody else.
    static let server = Task {
        let server = try await PostgresServer(settings: ["ssl": "on"]) { directory in
            try await Command.run(
                "sh",
                [
                    "-ec",
                    """
                    cd \(directory)
                    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=db \\
                        -keyout data/server.key -out data/server.crt 2>/dev/null
                    cat >data/pg_hba.conf <<'END'
                    host all postgres 127.0.0.1/32 trust
                    hostssl all owner 127.0.0.1/32 scram-sha-256
                    host all plain 127.0.0.1/32 scram-sha-256
                    END
                    """,
                ])
        }
        for login in ["owner", "plain", "stranger"] {
            try await server.sql("create role \(login) login password '\(password)'")
        }
        return server
    }

    /// The string for a login's database; nothing but `connect` and `create` in it is the login's.
    static func url(
        _ database: String, login: String = "owner", password: String = encodedPassword, _ parameters: String = ""
    ) async throws -> String {
        "postgres://\(login):\(password)@127.0.0.1:\(try await server.value.port)/\(database)\(parameters)"
    }

    /// An empty database where `owner` may make a schema, as on a managed service, and no more.
    static func emptyDatabase() async throws -> String {
        let server = try await server.value
        let name = try await server.makeDatabase()
        try await server.sql("grant create, connect on database \(name) to owner")
        return name
    }

    static func machine() -> InstallLayout {
        InstallLayout(root: FileManager.default.temporaryDirectory.path + "/knocknoc-setup-\(UUID().uuidString)")
    }

    /// What the server's settings would refuse.
    static let check: @Sendable (String, String) throws -> Void = { text, name in
        _ = try ServerSettings(
            settings: Settings(reading: text, name: name, keys: ServerSettings.Key.all), hostName: "web",
            workingDirectory: "/")
    }

    /// `knocknoc-setup` with these answers on a machine in a folder.
    @discardableResult
    static func setUp(
        _ layout: InstallLayout, _ lines: [String], enters: Int = 4, options: Setup.Options = Setup.Options(),
        check: @escaping @Sendable (String, String) throws -> Void = TestSite.check
    ) async throws -> PaperTerminal {
        let terminal = PaperTerminal(lines, enters: enters)
        try await Setup(
            options, layout: layout, terminal: terminal, console: terminal, nodeName: "web", checkConfiguration: check
        ).run()
        return terminal
    }
}
