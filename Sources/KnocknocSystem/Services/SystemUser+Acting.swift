import Glibc

extension SystemUser {
    /// The ids of a user; nil where nobody has that name.
    public static func ids(of name: String) -> (user: UInt32, group: UInt32)? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return (entry.pw_uid, entry.pw_gid)
    }

    /// Acts as another user for the time of `body`, in all threads of this process: a local Postgres and new files go by
    /// it. Only for commands that do one thing at a time.
    ///
    /// - Throws: ``SystemError`` `missing` where there is no such user, `notAllowed` where we are not root.
    public static func acting<Result>(
        as name: String, _ body: () async throws -> Result
    ) async throws -> Result {
        guard let (user, group) = ids(of: name) else {
            throw SystemError(.missing, "there is no user \(name) on this machine")
        }
        let (before, groupBefore) = (geteuid(), getegid())
        guard user != before else { return try await body() }
        guard setegid(group) == 0, seteuid(user) == 0 else {
            setegid(groupBefore)
            throw SystemError(.notAllowed, "only root may act as \(name); run it with sudo")
        }
        defer {
            seteuid(before)
            setegid(groupBefore)
        }
        return try await body()
    }

    /// Makes a user for a service, without password and shell, unless there is one of that name.
    public static func make(_ name: String, home: String) async throws {
        guard ids(of: name) == nil else { return }
        try await Command.check(
            "making the user \(name)",
            [
                "/usr/sbin/useradd", "--system", "--user-group", "--home-dir", home, "--no-create-home", "--shell",
                "/usr/sbin/nologin", name,
            ])
    }
}
