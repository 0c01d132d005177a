import Foundation
import Lab
import Testing

extension PackagesSuite {
    @Suite("answers given before", .timeLimit(PackagesSuite.limit)) struct PreseedTests {
        static let url = "postgres://web:s3cret-of-the-site@db.example:5432/knocknoc?sslmode=require"

        @Test("go to the installer when everything is configured; the secret is no argument, and is forgotten")
        func given() async throws {
            try await Installed.with { disk in
                try await disk.recordSetup()
                try await disk.preseed(
                    "knocknoc knocknoc/db-option select 3", "knocknoc knocknoc/listen string 0.0.0.0:8756",
                    "knocknoc knocknoc/trusted-forwarders string 192.168.100.1/32",
                    "knocknoc knocknoc/public-url string https://knocknoc.example",
                    "knocknoc knocknoc/encryption-key password s3cret-key",
                    "knocknoc knocknoc/database-url password \(Self.url)")
                let said = try await disk.apt("knocknoc", also: [try await disk.later()])
                #expect(
                    try await disk.read("/var/tmp/arguments")
                        == "--non-interactive --db-option 3 --listen 0.0.0.0:8756 --trusted-forwarders 192.168.100.1/32 "
                        + "--public-url https://knocknoc.example\n")
                #expect(try await disk.read("/var/tmp/secret") == Self.url + "\ns3cret-key\n")
                // Postgres, say, could have been installed in the same run: the installer comes when all of it is ready.
                #expect(try await disk.read("/var/tmp/later") == "installed\n")
                #expect(said.contains("knocknoc is set up"))
                #expect(!said.contains("s3cret") && !said.contains("one-time"))
                #expect(try await disk.attributes("/run/knocknoc-setup.result") == "root:root 600")
                #expect(try await disk.read("/run/knocknoc-setup.result") == "the one-time link\n")
                let secrets = try await disk.attempt([
                    "grep", "-rl", "s3cret", "/var/cache/debconf", "/var/log", "/opt", "/etc",
                ])
                #expect(secrets.text == "")
                // A second run has nothing left to do.
                try await disk.shell("rm /var/tmp/arguments; dpkg-reconfigure -f noninteractive knocknoc")
                #expect(try await disk.read("/var/tmp/arguments") == nil)
            }
        }

        @Test("that do not do fail the installation with the way out, which works")
        func refused() async throws {
            try await Installed.with { disk in
                try await disk.recordSetup(status: 78)
                try await disk.preseed("knocknoc knocknoc/db-option select embedded")
                let result = try await disk.attempt(
                    [
                        "sh", "-c",
                        "apt-get install -y -q /run/knocknoc-packages/\(Packages.file("knocknoc") ?? "") 2>&1",
                    ])
                #expect(result.status != 0)
                #expect(try await disk.read("/var/tmp/arguments") == "--non-interactive --embedded\n")
                #expect(result.text.contains("debconf-set-selections and run 'dpkg --configure knocknoc'"))
                try await disk.preseed("knocknoc knocknoc/db-option select later")
                #expect(try await disk.shell("dpkg --configure knocknoc").contains("Next step: sudo knocknoc-setup"))
                #expect(try await disk.shell("dpkg-query -W -f '${db:Status-Status}' knocknoc") == "installed")
            }
        }

        @Test("that want a PostgreSQL here need it installed, since a package cannot install another one")
        func withoutPostgres() async throws {
            try await Installed.with { disk in
                try await disk.recordSetup()
                try await disk.preseed("knocknoc knocknoc/db-option select 1")
                let result = try await disk.attempt(
                    [
                        "sh", "-c",
                        "apt-get install -y -q /run/knocknoc-packages/\(Packages.file("knocknoc") ?? "") 2>&1",
                    ])
                #expect(result.status != 0)
                #expect(result.text.contains("apt-get install postgresql"))
                #expect(try await disk.read("/var/tmp/arguments") == nil)
            }
        }

        @Test("make the agent's configuration, which root alone can read; the token is forgotten")
        func agent() async throws {
            try await Installed.with { disk in
                try await disk.preseed(
                    "knocknoc-agent knocknoc-agent/server-url string https://knocknoc.example",
                    "knocknoc-agent knocknoc-agent/token password s3cret-of-the-agent")
                let said = try await disk.apt("knocknoc-agent")
                #expect(!said.contains("Next step"))
                #expect(
                    try await disk.read(Installed.agentConfiguration)
                        == "ServerURL = https://knocknoc.example\n")
                #expect(try await disk.attributes(Installed.agentConfiguration) == "root:root 600")
                #expect(try await disk.read(Installed.agentToken) == "s3cret-of-the-agent\n")
                #expect(try await disk.attributes(Installed.agentToken) == "root:root 600")
                let secrets = try await disk.attempt(["grep", "-rl", "s3cret", "/var/cache/debconf", "/var/log"])
                #expect(secrets.text == "")
            }
        }
    }
}
