import KnocknocModel

extension PatroniPlan {
    /// `config.yml` of one host. What all hosts share is in etcd from the first start on and is changed there, by
    /// `patronictl edit-config`; `bootstrap` is where it begins.
    func configuration(_ member: Member) -> String {
        let (address, ports, folders) = (Self.inURL(member.address), member.ports, member.folders)
        func tls(_ name: String) -> String { folders.patroni + "/tls/" + name }
        let loopback = member.address.isLoopback ? "" : ",127.0.0.1"
        let etcd = members.map { "    - \(quoted("\(Self.inURL($0.address)):\($0.ports.etcdClients)"))\n" }.joined()
        return """
            scope: \(quoted(scope))
            name: \(quoted(member.name))

            restapi:
              listen: \(quoted("\(address):\(ports.patroni)"))
              connect_address: \(quoted("\(address):\(ports.patroni)"))
              certfile: \(quoted(tls("own.pem")))
              keyfile: \(quoted(tls("own-key.pem")))
              cafile: \(quoted(tls("authority.pem")))
              # Reading is free, for load balancers; whoever changes something shows a certificate and the password.
              verify_client: optional
              authentication:
                username: knocknoc
                password: \(quoted(secrets.patroni))

            ctl:
              cacert: \(quoted(tls("authority.pem")))
              certfile: \(quoted(tls("own.pem")))
              keyfile: \(quoted(tls("own-key.pem")))

            # etcd's API of version 2: by version 3, Patroni before 3.0.3 lets a primary that was cut off take its place back
            # from the next one.
            etcd:
              protocol: https
              cacert: \(quoted(tls("authority.pem")))
              cert: \(quoted(tls("own.pem")))
              key: \(quoted(tls("own-key.pem")))
              hosts:
            \(etcd)
            \(bootstrap)
            postgresql:
              listen: \(quoted("\(address)\(loopback):\(ports.postgres)"))
              connect_address: \(quoted("\(address):\(ports.postgres)"))
              data_dir: \(quoted(folders.data))
              config_dir: \(quoted(folders.settings))
              bin_dir: \(quoted(folders.programs))
              pgpass: \(quoted(folders.patroni + "/pgpass"))
              use_unix_socket: true
              authentication:
                superuser:
                  username: postgres
                replication:
                  username: \(Self.replicator)
                  password: \(quoted(secrets.replication))
                  sslmode: require
                  channel_binding: require
                rewind:
                  username: \(Self.rewinder)
                  password: \(quoted(secrets.rewind))
                  sslmode: require
                  channel_binding: require
              basebackup:
                - checkpoint: fast
              parameters:
                ssl: "on"
                ssl_cert_file: \(quoted(tls("own.pem")))
                ssl_key_file: \(quoted(tls("own-key.pem")))
                unix_socket_directories: \(quoted(folders.sockets))

            # Restarts a host whose Patroni hangs while it is primary; "required" where every host has one.
            watchdog:
              mode: automatic

            """
    }

    private var bootstrap: String {
        """
        bootstrap:
          dcs:
            ttl: \(leaseSeconds)
            loop_wait: \(leaseSeconds / 4)
            retry_timeout: \(leaseSeconds / 4)
            maximum_lag_on_failover: 1048576
            # A commit waits for a second host; only a host that has everything takes over.
            synchronous_mode: true
            # A primary that crashed is not waited for.
            primary_start_timeout: 0
            postgresql:
              use_pg_rewind: true
              use_slots: true
              parameters:
                wal_level: replica
                wal_log_hints: "on"
                password_encryption: scram-sha-256
              pg_hba:
        \(rules.map { "        - \(quoted($0))\n" }.joined())\
          initdb:
            - encoding: UTF8
            - locale: C.UTF-8
            - data-checksums

        """
    }

    /// Who may come from where; `knocker exposedb` prints the change of this list for a further host.
    var rules: [String] {
        var rules = [
            "local all all peer", "host all all 127.0.0.1/32 scram-sha-256", "host all all ::1/128 scram-sha-256",
            // Patroni asks its own server how far its log goes.
            "hostssl replication \(Self.replicator) 127.0.0.1/32 scram-sha-256",
        ]
        for member in members {
            let host = CIDR(member.address)
            rules.append("hostssl replication \(Self.replicator) \(host) scram-sha-256")
            rules.append("hostssl postgres \(Self.rewinder) \(host) scram-sha-256")
        }
        let hosts = members.map { CIDR($0.address) }
        for network in hosts + allowed.filter({ !hosts.contains($0) }) {
            rules.append("hostssl knocknoc all \(network) scram-sha-256")
        }
        return rules
    }

    /// A word in YAML's double quotes.
    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
