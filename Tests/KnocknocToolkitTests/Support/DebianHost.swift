import Foundation
import Lab

/// A Debian machine as far as PostgreSQL is concerned: namespaces of its own with an empty /etc/postgresql, in which
/// Debian's own tools make and restart a cluster, with two addresses. All of it ends with the script that runs in it.
enum DebianHost {
    static let isPossible: Bool = {
        let tools = ["/usr/bin/pg_createcluster", "/usr/bin/pg_ctlcluster", "/usr/bin/unshare", "/sbin/ip"]
        let missing = tools.first { !FileManager.default.isExecutableFile(atPath: $0) }
        if let missing { print("SKIPPED: exposedb on Debian's own cluster: \(missing) is missing") }
        return TestCluster.isPossible && missing == nil
    }()

    /// Connections to 10.64.11.1 come from 203.0.113.7, those to 127.0.0.1 from there.
    private static let setUp = """
        set -euo pipefail; cd /
        for folder in /etc/postgresql /var/lib/postgresql /var/log/postgresql /run/postgresql /run/systemd /run/lock; do
            mkdir -p "$folder"; mount -t tmpfs -o mode=755 none "$folder"
        done
        chown postgres:postgres /etc/postgresql /var/lib/postgresql /var/log/postgresql /run/postgresql
        ip link set lo up; ip addr add 10.64.11.1/32 dev lo; ip addr add 203.0.113.7/32 dev lo
        ip route replace local 10.64.11.1 dev lo table local src 203.0.113.7
        VERSION=$(ls /usr/lib/postgresql | sort -n | tail -1)
        pg_createcluster "$VERSION" main -- --no-sync >/dev/null
        # What is made here is thrown away.
        echo "fsync = off" >>"/etc/postgresql/$VERSION/main/postgresql.conf"
        pg_ctlcluster "$VERSION" main start
        runuser -u postgres -- createdb knocknoc
        setpriv --reuid postgres --regid postgres --init-groups --inh-caps +dac_read_search \\
            --ambient-caps +dac_read_search -- "$0" migrate --database-url 'postgres:///knocknoc?host=/run/postgresql' >/dev/null
        cp -p "/etc/postgresql/$VERSION/main/pg_hba.conf" /run/lock/hba
        knocker() { "$knocknoc" knocker "$@"; }
        knocknoc=$0

        """

    /// Runs a script of bash as root of that machine.
    static func run(_ script: String) async throws -> Shell.Result {
        try await Shell.run(
            [
                "unshare", "-m", "-n", "-p", "-f", "--kill-child", "--mount-proc", "--propagation", "private", "bash",
                "-c",
            ]
                + [setUp + script, Lab.executable("knocknoc")])
    }
}
