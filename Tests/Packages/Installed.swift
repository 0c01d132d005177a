import Foundation
import Lab

/// A disk that packages are installed on, with what a site would have put on it.
struct Installed {
    static let configuration = "/opt/knocknoc/etc/knocknoc.conf"
    static let agentToken = "/opt/knocknoc-agent/etc/token"
    static let agentConfiguration = "/opt/knocknoc-agent/etc/knocknoc.conf"

    private let disk: Chroot

    static func with(_ body: (Installed) async throws -> Void) async throws {
        let disk = try await Chroot()
        defer { disk.remove() }
        try await body(Installed(disk: disk))
    }

    /// Installs the packages as a site does, nobody being there to answer.
    ///
    /// - Parameter also: further packages of the same run.
    @discardableResult
    func apt(_ packages: String..., also: [String] = []) async throws -> String {
        let files = try packages.map { name in
            guard let file = Packages.file(name) else { throw LabError(Packages.obstacle) }
            return "/run/knocknoc-packages/" + file
        }
        return try await shell("apt-get install -y -q \((files + also).joined(separator: " ")) 2>&1")
    }

    /// A package that can only be configured after the server's.
    ///
    /// - Returns: its file.
    func later() async throws -> String {
        try await disk.shell(
            "mkdir -p /later/DEBIAN; cat >/later/DEBIAN/control; dpkg-deb --build /later /configured-later.deb",
            input: """
                Package: configured-later
                Version: 1
                Architecture: all
                Maintainer: nobody <nobody@knocknoc.example>
                Depends: knocknoc
                Description: whose turn comes after the server's

                """)
        return "/configured-later.deb"
    }

    /// Upgrades both packages to the same with higher versions, which it returns.
    func upgrade() async throws -> [String] {
        let folder = try Lab.temporaryFolder("newer", readable: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var versions: [String] = []
        for name in ["knocknoc", "knocknoc-agent"] {
            let newer = try await PackageFile(name).newer(in: folder)
            try disk.add(folder.appendingPathComponent(newer.file))
            versions.append(newer.version)
        }
        try await shell("apt-get install -y -q /*.deb; rm /*.deb")
        return versions
    }

    func preseed(_ lines: String...) async throws {
        try await disk.shell("debconf-set-selections", input: lines.joined(separator: "\n") + "\n")
    }

    /// Puts a program in the installer's place that writes down how it was called, and ends with this status.
    func recordSetup(status: Int = 0) async throws {
        let setup = "/opt/knocknoc/bin/knocknoc-setup"
        try await disk.shell(
            """
            mkdir -p /opt/knocknoc/bin
            dpkg-divert --quiet --local --rename --divert \(setup).real \(setup)
            cat >\(setup)
            chmod 755 \(setup)
            """,
            input: """
                #!/bin/sh
                echo "$*" >/var/tmp/arguments
                printf '%s\\n' "$KNOCKNOC_SETUP_DATABASE_URL" "$KNOCKNOC_SETUP_ENCRYPTION_KEY" >/var/tmp/secret
                dpkg-query -W -f '${db:Status-Status}\\n' configured-later >/var/tmp/later
                echo "the one-time link"
                [ \(status) -ne 0 ] || echo 'Listen = 127.0.0.1:8756' >\(Self.configuration)
                exit \(status)

                """)
    }

    /// What an installer, an administrator and running services leave.
    func configure() async throws {
        try await disk.shell(
            """
            put() { install -m "$2" -o "$3" -g "$4" /dev/stdin "$1"; }
            echo 'Listen = 127.0.0.1:8756   # ours' | put \(Self.configuration) 640 root knocknoc
            echo 0123abcd | put /opt/knocknoc/etc/encryption.key 600 root root
            echo a certificate | put /opt/knocknoc/etc/tls/node.pem 640 root knocknoc
            mkdir -p /etc/systemd/system/postgresql@15-main.service.d
            echo '[Service]' | put /etc/systemd/system/postgresql@15-main.service.d/knocknoc.conf 644 root root
            echo data | put /var/lib/knocknoc/knocknoc.db 600 knocknoc knocknoc
            echo 'ServerURL = https://knocknoc.example' | put \(Self.agentConfiguration) 600 root root
            echo '{}' | put /var/lib/knocknoc-agent/keys.json 600 root root
            put /var/lib/knocknoc-agent/guard.nft 600 root root
            """,
            input: """
                #!/usr/sbin/nft -f
                add table inet knocknoc
                add chain inet knocknoc id_agq7
                add rule inet knocknoc id_agq7 tcp dport 9000 fib daddr type local drop

                """)
    }

    /// Every file of the site's own, with its content's sum.
    func contents() async throws -> String {
        try await shell("find /opt/knocknoc*/etc /var/lib/knocknoc* -type f -exec sha256sum {} + | sort -k 2")
    }

    /// What still bears our name, but for what apt and dpkg remember of what was.
    func leftovers() async throws -> String {
        try await shell(
            """
            find / -xdev -name '*knocknoc*' ! -path '/proc/*' ! -path '/run/*' ! -path '/var/log/*' ! -path '/srv/*' \\
                ! -path '/var/cache/man/*'
            grep -rl knocknoc /etc /var/cache/debconf /var/lib/dpkg/status /var/lib/dpkg/triggers |
                grep -v -e '-old$' -e '^/etc/[a-z]*-$' || true
            """)
    }

    @discardableResult
    func shell(_ lines: String) async throws -> String { try await disk.shell(lines) }
    func attempt(_ command: [String]) async throws -> Shell.Result { try await disk.attempt(command) }
    func read(_ path: String) async throws -> String? { try await disk.read(path) }
    func attributes(_ path: String) async throws -> String? { try await disk.attributes(path) }
}
