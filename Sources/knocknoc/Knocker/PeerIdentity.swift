import Glibc
import KnocknocStore
import KnocknocSystem
import KnocknocToolkit

/// Over a Unix socket Postgres goes by the system's user: a command that root runs acts as the server's user there.
enum PeerIdentity {
    /// Gives up root's rights where the database is reached by a socket and the login has a system user of its name.
    ///
    /// - Throws: ``SystemError`` `failed` where the rights cannot be given up.
    static func take(for url: String) throws {
        guard geteuid() == 0, let place = try DatabaseURL(url).places().first(where: \.isSocket),
            let entry = getpwnam(place.user ?? InstallLayout.user)
        else { return }
        let (name, user, group) = (String(cString: entry.pointee.pw_name), entry.pointee.pw_uid, entry.pointee.pw_gid)
        guard initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0 else {
            throw SystemError(.failed, "cannot act as the user \(name): \(String(cString: strerror(errno)))")
        }
    }
}
