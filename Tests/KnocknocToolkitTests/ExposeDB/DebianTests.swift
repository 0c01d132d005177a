import Foundation
import Lab
import Testing

extension ExposeDBSuite {
    @Suite("exposedb on a cluster of Debian's", .enabled(if: DebianHost.isPossible))
    struct DebianTests {
        @Test("finds it by the server's own answers, restarts it with Debian's tool, and takes everything back")
        func whole() async throws {
            let result = try await DebianHost.run(
                """
                conn='postgres:///knocknoc?host=/var/run/postgresql'
                auto=/var/lib/postgresql/$VERSION/main/postgresql.auto.conf; cp -p $auto /run/lock/auto
                knocker exposedb --init --conn "$conn" --advertise 10.64.11.1 --json >/run/lock/made
                string=$(python3 -c 'import json; print(json.load(open("/run/lock/made"))["connectionString"])')
                ! psql "$string" -c "select 1" 2>/run/lock/refused
                grep -o 'no pg_hba.conf entry for host "203.0.113.7"' /run/lock/refused
                knocker exposedb --add 203.0.113.7 --conn "$conn"
                psql -qAtX "$string" -c "select inet_client_addr(), current_user"
                knocker exposedb --status --conn "$conn"
                diff /run/lock/hba /etc/postgresql/$VERSION/main/pg_hba.conf | grep '^[<>]' || true
                stat -c '%U %a' /etc/postgresql/$VERSION/main/pg_hba.conf
                knocker exposedb --disable --conn "$conn"
                cmp /run/lock/hba /etc/postgresql/$VERSION/main/pg_hba.conf
                cmp /run/lock/auto $auto
                pg_lsclusters -h
                """)
            #expect(result.status == 0, "\(result)\(result.text)")
            let text = result.text
            for words in [
                "no pg_hba.conf entry for host \"203.0.113.7\"", "203.0.113.7/32 may use the database \"knocknoc\" now",
                "203.0.113.7|knocknoc_owner", "allowed    203.0.113.7/32\n",
                "> hostssl knocknoc +knocknoc_owner 203.0.113.7/32 scram-sha-256\n", "postgres 640",
                "is not exposed any more", "5432 online postgres",
            ] { #expect(text.contains(words), "\(words) is missing in\n\(text)\(result.errors)") }
            #expect(result.errors.contains("pg_ctlcluster"))
        }

        @Test("the page's commands do the same by hand")
        func byHand() async throws {
            let commands = try Page("high-availability.md").blocks("sh by-hand")
            #expect(commands.count == 5)
            let result = try await DebianHost.run(
                """
                version=$VERSION; exec 3>&1 >/run/lock/said
                \(commands.joined().replacing("VERSION=15", with: "VERSION=$version"))
                exec >&3; cat /run/lock/said
                psql -qAtX "$(tail -n 1 /run/lock/said)" -c "select inet_client_addr(), current_user" -c "create table later (id int)"
                diff /run/lock/hba /etc/postgresql/$VERSION/main/pg_hba.conf | grep '^[<>]' || true
                """)
            #expect(result.status == 0 && result.text.contains("203.0.113.7|knocknoc_owner"), "\(result)\(result.text)")
            #expect(result.text.hasSuffix("\n> hostssl knocknoc +knocknoc_owner 203.0.113.7/32 scram-sha-256\n"))
            // Nothing that PostgreSQL cannot read was listed before the reload.
            #expect(result.text.split(separator: "\n").first == "t", "\(result.text)")
        }
    }
}
