import Foundation
import Lab
import Testing

extension PackagesSuite {
    @Suite("on a machine", .timeLimit(PackagesSuite.limit)) struct InstallTests {
        @Test("without a terminal they install, ask nothing, configure nothing, and tell the next step")
        func install() async throws {
            try await Installed.with { disk in
                let said = try await disk.apt("knocknoc", "knocknoc-agent")
                #expect(said.contains("Next step: sudo knocknoc-setup"))
                #expect(said.contains("put what it shows into /opt/knocknoc-agent/etc/knocknoc.conf (mode 0600)"))
                #expect(try await disk.read(Installed.configuration) == nil)
                #expect(try await disk.read(Installed.agentConfiguration) == nil)
                #expect(try await disk.attributes("/opt/knocknoc/etc") == "root:knocknoc 750")
                #expect(try await disk.attributes("/opt/knocknoc/etc/tls") == "root:knocknoc 750")
                #expect(try await disk.attributes("/var/lib/knocknoc") == "knocknoc:knocknoc 750")
                #expect(try await disk.attributes("/var/lib/knocknoc-agent") == "knocknoc-agent:knocknoc-agent 700")
                // Swift's libraries are found beside the programs, on a machine that has no Swift.
                let commands = [
                    "knocknoc version", "knocker --version", "knocknoc-setup --help", "knocknoc-agent version",
                ]
                for command in commands {
                    #expect(try await disk.shell("su -s /bin/sh nobody -c '\(command)'").isEmpty == false)
                }
                let units = try await disk.shell(
                    """
                    systemd-analyze verify --man=no knocknoc.service knocknoc-agent.service knocknoc-guard.service 2>&1
                    systemctl is-enabled knocknoc knocknoc-agent knocknoc-guard
                    """)
                #expect(units == "enabled\nenabled\nenabled\n")
            }
        }

        @Test("knocker is the server's where both are, and the agent's where it is alone, whoever comes and goes first")
        func knocker() async throws {
            let names = [
                "/usr/bin/knocker", "/usr/share/bash-completion/completions/knocker",
                "/usr/share/zsh/vendor-completions/_knocker", "/usr/share/fish/vendor_completions.d/knocker.fish",
            ]
            try await Installed.with { disk in
                func isAgents() async throws -> [Bool] {
                    let found = try await disk.shell("readlink -m \(names.joined(separator: " "))")
                    return found.split(separator: "\n").map { $0.hasPrefix("/opt/knocknoc-agent/") }
                }
                let all = names.map { _ in true }
                try await disk.apt("knocknoc-agent")
                #expect(try await isAgents() == all)
                #expect(try await disk.shell("knocker enable reverseproxy --help").contains("--domain"))
                #expect(try await disk.shell("test -e /usr/share/man/man8/knocker.8 && echo yes") == "yes\n")
                try await disk.apt("knocknoc")
                #expect(try await isAgents() == names.map { _ in false })
                #expect(try await disk.shell("test ! -e /usr/share/man/man8/knocker.8 && echo gone") == "gone\n")
                #expect(try await disk.shell("knocker --help").contains("exposedb"))
                try await disk.shell("apt-get remove -y -q knocknoc")
                #expect(try await isAgents() == all)
                try await disk.shell("apt-get purge -y -q knocknoc-agent")
                let left = "for name in \(names.joined(separator: " ")); do [ ! -e $name ] || echo $name; done"
                #expect(try await disk.shell(left) == "")
            }
        }

        @Test("without sudo, what needs the configuration says so and exits 77; what names its database does without")
        func withoutSudo() async throws {
            try await Installed.with { disk in
                try await disk.apt("knocknoc", "knocknoc-agent")
                try await disk.configure()
                let commands = [
                    "knocker cluster", "knocker end-sessions", "knocknoc migrate --status",
                    "echo long password | knocker create-admin root --password-stdin",
                ]
                for command in commands {
                    let refused = try await disk.attempt(["su", "-s", "/bin/sh", "nobody", "-c", command])
                    let reason =
                        "\(Installed.configuration) cannot be read by this user (Permission denied); run this with sudo"
                    #expect(refused.status == 77 && refused.errors.contains(reason), "\(refused)")
                    let named = "\(command) --database-url sqlite:///nowhere/knocknoc.db"
                    let other = try await disk.attempt(["su", "-s", "/bin/sh", "nobody", "-c", named])
                    #expect(other.status == 1 && other.errors.contains("there is no database at /nowhere"), "\(other)")
                }
            }
        }

        @Test("an upgrade keeps every byte of what was configured, and closes what others may read")
        func upgrade() async throws {
            try await Installed.with { disk in
                try await disk.apt("knocknoc", "knocknoc-agent")
                try await disk.configure()
                try await disk.shell("chmod 644 /opt/knocknoc/etc/encryption.key \(Installed.agentConfiguration)")
                let before = try await disk.contents()
                let versions = try await disk.upgrade()
                #expect(try await disk.contents() == before)
                #expect(try await disk.shell("dpkg-query -W -f '${Version}' knocknoc") == versions[0])
                #expect(try await disk.shell("dpkg-query -W -f '${Version}' knocknoc-agent") == versions[1])
                #expect(try await disk.attributes("/opt/knocknoc/etc/encryption.key") == "root:root 600")
                #expect(try await disk.attributes(Installed.configuration) == "root:knocknoc 640")
                #expect(try await disk.attributes(Installed.agentConfiguration) == "root:root 600")
            }
        }

        @Test("removing keeps settings, data and guards; purging asks before it takes data or opens ports")
        func removal() async throws {
            try await Installed.with { disk in
                try await disk.apt("knocknoc", "knocknoc-agent")
                try await disk.configure()
                let before = try await disk.contents()
                let removed = try await disk.shell("apt-get remove -y -q knocknoc knocknoc-agent")
                #expect(removed.contains("the ports that it guards stay closed to everybody, after a restart"))
                #expect(try await disk.contents() == before)
                // systemd goes by the link's name; both are there for the next boot.
                let guardUnit = "/etc/systemd/system/knocknoc-guard.service"
                let wanted = "/etc/systemd/system/sysinit.target.wants/knocknoc-guard.service"
                #expect(try await disk.read(guardUnit)?.contains("ExecStart=/usr/sbin/nft -f") == true)
                #expect(try await disk.shell("readlink -e \(wanted)") == guardUnit + "\n")

                try await disk.apt("knocknoc", "knocknoc-agent")
                #expect(try await disk.read(guardUnit) == nil)
                let unit = try await disk.shell("readlink -e \(wanted)")
                #expect(unit.hasSuffix("lib/systemd/system/knocknoc-guard.service\n"))
                #expect(try await disk.contents() == before)

                let purged = try await disk.shell("apt-get purge -y -q knocknoc knocknoc-agent")
                #expect(purged.contains("the site's data stays"))
                #expect(purged.contains("the guarded ports stay closed"))
                let kept = try await disk.shell(
                    "find /opt/knocknoc* /var/lib/knocknoc* \(guardUnit) \(wanted) ! -type d | sort")
                #expect(
                    kept.split(separator: "\n") == [
                        "/etc/systemd/system/knocknoc-guard.service",
                        "/etc/systemd/system/sysinit.target.wants/knocknoc-guard.service",
                        "/opt/knocknoc/etc/encryption.key", "/var/lib/knocknoc-agent/guard.nft",
                        "/var/lib/knocknoc/knocknoc.db",
                    ])

                try await disk.apt("knocknoc", "knocknoc-agent")
                try await disk.preseed(
                    "knocknoc knocknoc/purge-data boolean true",
                    "knocknoc-agent knocknoc-agent/purge-guards boolean true")
                try await disk.shell("apt-get purge -y -q knocknoc knocknoc-agent")
                let rest = try await disk.leftovers()
                #expect(rest == "")
            }
        }

        @Test("purging what was never configured leaves nothing")
        func untouched() async throws {
            try await Installed.with { disk in
                try await disk.apt("knocknoc", "knocknoc-agent")
                try await disk.shell("apt-get purge -y -q knocknoc knocknoc-agent")
                let rest = try await disk.leftovers()
                #expect(rest == "")
            }
        }
    }
}
