import Foundation
import Lab

/// A second cluster on a host, with a `pg_hba.conf` that somebody has written with a taste of their own, and a database
/// with Knocknoc's schema.
struct StrangeCluster {
    static let port = 5433
    static let connection = "postgres:///knocknoc?port=\(port)"

    let machine: Machine
    /// Where `pg_hba.conf` is.
    let folder: String

    /// What PostgreSQL reads and nobody would write: tabs, CRLF, a line that goes on, names in quotes, bytes that are no
    /// UTF-8, a mark that only looks like ours, and no newline at the end.
    static let lines: [UInt8] =
        Array("# Ours since 2009\t\u{20}\r\n\t local\t all   all\tpeer # wie \u{fc}blich\r\n\n".utf8)
        + [0x23, 0x20, 0xe4, 0xf6, 0xfc, 0xff, 0x0a]
        + Array(
            """
            hostssl  "all"	 "Some Body","o""ther" \\
                 192.0.2.0  255.255.255.0\t cert  clientcert="verify-full"
            host all all 198.51.100.7/32 reject
            # END  knocknoc, said somebody
                host replication,all +admins samenet scram-sha-256   \t
            host all all ::1/128 md5
            """.utf8)

    init(on machine: Machine) async throws {
        self.machine = machine
        let version = try await machine.shell("ls /usr/lib/postgresql | sort -n | tail -n 1")
            .trimmingCharacters(in: .whitespacesAndNewlines)
        folder = "/etc/postgresql/\(version)/strange"
        try await machine.shell(
            """
            pg_createcluster -p "$PORT" "$VERSION" strange >/dev/null
            base64 -d <<<"$LINES" >"$FOLDER/pg_hba.conf"
            pg_ctlcluster "$VERSION" strange start
            cd /tmp
            runuser -u postgres -- createuser -p "$PORT" admins
            runuser -u postgres -- createdb -p "$PORT" knocknoc
            runuser -u postgres -- knocknoc migrate --config none \\
                --database-url "postgres:///knocknoc?host=/var/run/postgresql&port=$PORT"
            """,
            environment: [
                "PORT": String(Self.port), "VERSION": version, "FOLDER": folder,
                "LINES": Data(Self.lines).base64EncodedString(),
            ])
    }

    /// Runs `knocker exposedb` on it, as root.
    func expose(_ arguments: String...) async throws -> Shell.Result {
        try await machine.attempt(command(arguments))
    }

    /// The same, killed after so many seconds.
    func expose(_ arguments: String..., killedAfter seconds: Double) async throws -> Shell.Result {
        try await machine.attempt(["timeout", "--signal=KILL", String(seconds)] + command(arguments))
    }

    /// The same, killed with what it has PostgreSQL do where it waits for this relation of the catalog, which is known by
    /// then; whoever only reads it passes where `mode` is `share`.
    func expose(_ arguments: String..., killedAt relation: String, mode: String = "access exclusive") async throws {
        try await machine.run(
            [
                "bash", "-euo", "pipefail", "-c",
                """
                coproc session { exec runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -p "$PORT" -d knocknoc; }
                exec {questions}>&"${session[1]}" {answers}<&"${session[0]}"
                ask() { echo "$1" >&"$questions"; read -r -t 60 answer <&"$answers"; }
                ask "begin; lock table $RELATION in $MODE mode; select 'held';"
                "$@" >/dev/null & command=$!
                until [[ $answer == t ]]; do
                    # It would have ended only where it never came here.
                    kill -0 "$command"
                    sleep 0.02
                    ask "select exists (select from pg_locks where not granted and relation = '$RELATION'::regclass);"
                done
                kill -KILL "$command"
                wait "$command" || [[ $? == 137 ]]
                ask "select count(pg_terminate_backend(pid, 60000)) from pg_locks where not granted;"
                """, "expose",
            ] + command(arguments), environment: ["PORT": String(Self.port), "RELATION": relation, "MODE": mode])
    }

    /// The same, killed where it has asked systemd for another start of the cluster, which is down then, and comes up
    /// afterwards.
    func exposeKilledAtStart(_ arguments: String...) async throws {
        let version = folder.split(separator: "/")[2]
        try await machine.run(
            [
                "bash", "-euo", "pipefail", "-c",
                """
                mkdir -p "/run/systemd/system/$UNIT.d"
                mkfifo /run/reached /run/go
                exec {reached}<>/run/reached {go}<>/run/go
                printf '[Service]\nExecStartPre=/bin/sh -c "echo >/run/reached; read line </run/go"\n' \
                    >"/run/systemd/system/$UNIT.d/held.conf"
                systemctl daemon-reload
                "$@" >/dev/null & command=$!
                read -r -t 60 -u "$reached" line
                kill -KILL "$command"
                wait "$command" || [[ $? == 137 ]]
                rm -r "/run/systemd/system/$UNIT.d"
                systemctl daemon-reload
                echo >&"$go"
                systemctl start "$UNIT"
                rm /run/reached /run/go
                """, "expose",
            ] + command(arguments), environment: ["UNIT": "postgresql@\(version)-strange.service"])
    }

    private func command(_ arguments: [String]) -> [String] {
        ["knocker", "exposedb"] + arguments + ["--conn", Self.connection]
    }

    func file() async throws -> [UInt8] { Array(try await machine.run(["cat", folder + "/pg_hba.conf"]).output) }

    func write(_ bytes: [UInt8]) async throws {
        try await machine.shell(
            "base64 -d <<<\"$BYTES\" >\"$FILE\"",
            environment: ["BYTES": Data(bytes).base64EncodedString(), "FILE": folder + "/pg_hba.conf"])
    }

    /// What PostgreSQL itself cannot read of the file that is there now.
    func errors() async throws -> String {
        try await machine.run(
            [
                "runuser", "-u", "postgres", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-p", String(Self.port),
                "-d", "knocknoc",
            ], input: "select line_number, error from pg_hba_file_rules where error is not null;"
        ).text
    }

    /// Leaves nothing of it, systemd's memory included: the host goes on, and boots again.
    func remove() async throws {
        try await machine.shell(
            """
            version=$(basename "$(dirname "$FOLDER")")
            systemctl stop "postgresql@$version-strange.service"
            pg_dropcluster "$version" strange
            systemctl reset-failed "postgresql@$version-strange.service" 2>/dev/null || true
            """, environment: ["FOLDER": folder])
    }

    /// What lies beside it.
    func neighbours() async throws -> String { try await machine.run(["ls", "-A", folder]).text }
}
