import Foundation
import Lab
import Testing

extension WholeHosts {
    @Suite("exposedb on a pg_hba.conf of somebody's own") struct SingleNodeFileTests {
        private static let other = "203.0.113.7/32"
        /// How many times it is killed at any moment, with --long.
        private static let kills = 40

        @Test(
            "strange lines are the same, byte for byte, after all that it does, and after all that can go wrong",
            .timeLimit(limit))
        func strange() async throws {
            try await RackTrait.with { hosted in
                let machine = try await hosted.singleNode().web
                let others = try await machine.shell("sha256sum /etc/postgresql/*/main/*.conf")
                let cluster = try await StrangeCluster(on: machine)
                let own = StrangeCluster.lines
                #expect(try await cluster.errors().isEmpty)
                let neighbours = try await cluster.neighbours()

                let made = try await cluster.expose("--init")
                #expect(made.status == 0 && made.text.contains("postgres://"), "\(made)")
                #expect(try await cluster.file() == own)
                let begun = Clock.now
                let added = try await cluster.expose("--add", Self.other)
                let took = Clock.now - begun
                #expect(added.status == 0, "\(added)")
                let both = try await cluster.file()
                try checkBlock(both, own)
                #expect(try await cluster.expose("--list").text.contains(Self.other))
                #expect(try await cluster.expose("--remove", Self.other).status == 0)
                #expect(try await cluster.file() == own)

                try await faults(cluster)
                try await killed(cluster, own, both, took)
                #expect(try await cluster.expose("--add", Self.other).status == 0)
                let disabled = try await cluster.expose("--disable")
                #expect(disabled.status == 0, "\(disabled)")
                #expect(try await cluster.file() == own)
                try await killedAtInit(cluster, own)
                let backup = "pg_hba.conf.knocknoc-backup\n"
                let left = try await cluster.neighbours().replacingOccurrences(of: backup, with: "")
                #expect(left == neighbours)
                // The site's own cluster beside it has not been touched.
                #expect(try await machine.shell("sha256sum /etc/postgresql/*/main/*.conf") == others)
                try await machine.untilHealthy()
                try await cluster.remove()
            }
        }

        /// What was added is one block of whole lines, and without it the file is the old one.
        private func checkBlock(_ both: [UInt8], _ own: [UInt8]) throws {
            let (text, before) = (both.split(separator: 10, omittingEmptySubsequences: false), own)
            let first = try #require(text.firstIndex { $0.starts(with: "# BEGIN knocknoc".utf8) })
            let last = try #require(text[first...].firstIndex { $0.starts(with: "# END knocknoc".utf8) })
            let rest = text[..<first] + text[(last + 1)...]
            #expect(Array(rest.joined(separator: [10])) == before)
            let rule = "hostssl knocknoc +knocknoc_owner \(Self.other) scram-sha-256"
            let block = String(decoding: Array(text[first...last].joined(separator: [10])), as: UTF8.self)
            #expect(block.contains(rule), "\(block)")
        }

        private func faults(_ cluster: StrangeCluster) async throws {
            let own = StrangeCluster.lines
            let broken = Array("host all all 10.0.0.0/8 no-such-method\n".utf8) + own
            try await cluster.write(broken)
            let refused = try await cluster.expose("--add", Self.other)
            #expect(refused.status == 78 && refused.errors.contains("line 1"), "\(refused)")
            #expect(try await cluster.file() == broken)
            try await cluster.write(own)

            let (machine, folder) = (cluster.machine, cluster.folder)
            let neighbours = try await cluster.neighbours()
            try await machine.shell("mount --bind \(folder) \(folder); mount -o remount,bind,ro \(folder)")
            let unwritable = try await cluster.expose("--add", Self.other)
            try await machine.shell("umount \(folder)")
            #expect(unwritable.status == 1 && unwritable.errors.contains("Read-only file system"), "\(unwritable)")
            #expect(try await cluster.file() == own)

            try await machine.shell(
                """
                cp -a \(folder) /var/tmp/strange
                mount -t tmpfs -o size=64k none \(folder)
                cp -a /var/tmp/strange/. \(folder)/
                dd if=/dev/zero of=\(folder)/zeros 2>/dev/null || true
                """)
            let full = try await cluster.expose("--add", Self.other)
            let left = try await cluster.file()
            let beside = try await cluster.neighbours()
            try await machine.shell("umount \(folder)")
            #expect(full.status == 1 && full.errors.contains("No space left on device"), "\(full)")
            #expect(left == own)
            #expect(Set(beside.split(separator: "\n")).subtracting(["zeros"]) == Set(neighbours.split(separator: "\n")))
            #expect(try await cluster.file() == own)
        }

        /// Killed before it writes it leaves the old file, and after that the new one; both times the same command again
        /// finishes.
        private func killed(_ cluster: StrangeCluster, _ own: [UInt8], _ both: [UInt8], _ took: Double) async throws {
            // It has PostgreSQL read its file before it writes, and notes in the catalog what it has allowed.
            try await cluster.expose("--add", Self.other, killedAt: "pg_catalog.pg_hba_file_rules")
            #expect(try await cluster.file() == own)
            try await again(cluster, own, both)
            try await cluster.expose("--add", Self.other, killedAt: "pg_catalog.pg_db_role_setting", mode: "share")
            #expect(try await cluster.file() == both)
            try await again(cluster, own, both)
            if WholeHosts.isLong { try await killedAnywhere(cluster, own, both, took) }
        }

        private func again(_ cluster: StrangeCluster, _ own: [UInt8], _ both: [UInt8]) async throws {
            #expect(try await cluster.errors().isEmpty)
            let again = try await cluster.expose("--add", Self.other)
            #expect(again.status == 0, "\(again)")
            #expect(try await cluster.file() == both)
            #expect(try await cluster.expose("--remove", Self.other).status == 0)
            #expect(try await cluster.file() == own)
        }

        /// Killed at moments from its beginning to its end, it leaves the old file or the new one, and each of them once at
        /// least.
        private func killedAnywhere(
            _ cluster: StrangeCluster, _ own: [UInt8], _ both: [UInt8], _ took: Double
        ) async throws {
            var seen: [String] = []
            for step in 1...Self.kills {
                let moment = took * Double(step) / Double(Self.kills)
                let ended = try await cluster.expose("--add", Self.other, killedAfter: moment)
                let file = try await cluster.file()
                let text = String(decoding: file, as: UTF8.self)
                #expect(file == own || file == both, "killed after \(moment) s: \(text)")
                seen.append(ended.status == 0 ? "done" : file == own ? "old" : "new")
                try await again(cluster, own, both)
            }
            Lab.measured("exposedb --add killed within \(took) s: \(seen)")
            #expect(seen.contains("old") && seen.contains("new"), "\(seen)")
        }

        /// Killed while the cluster restarts, it comes up, and the same command again finishes.
        private func killedAtInit(_ cluster: StrangeCluster, _ own: [UInt8]) async throws {
            try await cluster.exposeKilledAtStart("--init")
            let again = try await cluster.expose("--init")
            #expect(again.status == 0, "\(again)")
            #expect(try await cluster.errors().isEmpty)
            #expect(try await cluster.file() == own)
            #expect(try await cluster.expose("--disable").status == 0)
            #expect(try await cluster.file() == own)
        }
    }
}
