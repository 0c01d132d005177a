import Lab

extension Machine {
    /// Kills the postmaster with SIGKILL, as the kernel does for want of memory.
    func killPostgres() async throws {
        try await shell(#"kill -KILL "$(head -1 "/var/lib/postgresql/$(ls /usr/lib/postgresql)/main/postmaster.pid")""#)
    }

    /// Stops Debian's own cluster, for good.
    func stopPostgres() async throws {
        try await shell(
            #"""
            systemctl disable -q --now postgresql
            systemctl stop "postgresql@$(ls /usr/lib/postgresql)-main"
            """#)
    }

    /// Kills etcd with SIGKILL; it stays away.
    func killEtcd() async throws {
        try await shell(
            """
            systemctl kill --signal=KILL etcd
            systemctl stop etcd
            """)
    }

    /// Returns when it has found the others.
    func startEtcd() async throws { try await run(["systemctl", "start", "etcd"]) }

    /// Root here may log in there, as at a site whose administrator copies files between machines.
    func reachByShell(_ others: [Machine]) async throws {
        let key = try await shell(
            """
            mkdir -p -m 700 ~root/.ssh
            [[ -e ~root/.ssh/id_ed25519 ]] || ssh-keygen -q -t ed25519 -N '' -f ~root/.ssh/id_ed25519
            echo 'StrictHostKeyChecking accept-new' >~root/.ssh/config
            cat ~root/.ssh/id_ed25519.pub
            """)
        for other in others {
            try await other.shell(
                """
                install -d -m 700 ~root/.ssh
                echo "$KEY" >~root/.ssh/authorized_keys
                systemctl start ssh.service
                """, environment: ["KEY": key])
        }
    }

    /// Waits until Postgres here lets this network in.
    func untilLetIn(_ network: String) async throws {
        let end = Clock.now + 60
        repeat {
            let found = try await sql("select count(*) from pg_hba_file_rules where address = '\(network)';")
            if found == "1\n" { return }
            try await Task.sleep(for: .milliseconds(200))
        } while Clock.now < end
        throw LabError("\(name) does not let \(network) in")
    }
}
