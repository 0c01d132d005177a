import Glibc
import KnocknocSystem

/// A Unix socket on which a PostgreSQL of this machine listens, as the kernel tells it.
struct PostgresSocket: Hashable, Sendable {
    var folder: String
    var port: Int

    var path: String { "\(folder)/.s.PGSQL.\(port)" }

    /// Whom the server runs as.
    var owner: UInt32? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_uid : nil
    }

    /// Those that may be taken without being named: anybody can listen on a socket that looks like PostgreSQL's, and what
    /// it says would be done as root.
    static func all() throws -> [PostgresSocket] {
        let trusted = [0, SystemUser.id(of: "postgres")]
        return try listening().filter { trusted.contains($0.owner) }
    }

    /// All of them, by proc_pid_net(5): a line ends with the path, listening ones carry the flag 0x10000.
    static func listening() throws -> [PostgresSocket] {
        parse(String(decoding: try SystemFile("/proc/net/unix").bytes() ?? [], as: UTF8.self))
    }

    static func parse(_ table: String) -> [PostgresSocket] {
        var found: [PostgresSocket] = []
        for line in table.split(separator: "\n").dropFirst() {
            let columns = line.split(separator: " ", maxSplits: 7)
            guard columns.count == 8, UInt32(columns[3], radix: 16).map({ $0 & 0x10000 != 0 }) ?? false else {
                continue
            }
            let path = columns[7]
            guard path.hasPrefix("/"), let mark = path.ranges(of: "/.s.PGSQL.").last,
                let port = Int(path[mark.upperBound...])
            else { continue }
            found.append(PostgresSocket(folder: String(path[..<mark.lowerBound]), port: port))
        }
        var seen: Set<PostgresSocket> = []
        return found.filter { seen.insert($0).inserted }
    }
}
