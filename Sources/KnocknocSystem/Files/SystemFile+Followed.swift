import Glibc

extension SystemFile {
    /// The file that this path leads to, where root may follow it there: a symbolic link in a service's own folder is
    /// that service's word, and must not have root read or replace a file of somebody else.
    ///
    /// - Parameter owner: the service's user.
    /// - Returns: the file itself, with no link on the way; this one where it is not there.
    /// - Throws: ``SystemError`` `invalid` where a link leads to a file that is not the owner's, or into a folder that
    ///   others may change.
    public func followed(for owner: UInt32) throws(SystemError) -> SystemFile {
        guard let found = realpath(path, nil) else { return SystemFile(path, followsLinks: false) }
        defer { free(found) }
        let real = String(cString: found)
        let file = SystemFile(real, followsLinks: false)
        guard real != path else { return file }
        var link = stat()
        if lstat(path, &link) == 0, link.st_mode & S_IFMT == S_IFLNK, let target = try file.attributes(),
            target.owner != owner, !Self.isRoots(SystemFolder.parent(of: path)) || target.owner != 0
        {
            throw Self.refusal(path, real, "which belongs to \(Self.name(target.owner))")
        }
        var folder = SystemFolder.parent(of: real)
        while true {
            var status = stat()
            guard lstat(folder, &status) == 0 else { throw Self.refusal(path, real, "where \(folder) is not there") }
            guard [0, owner].contains(status.st_uid) else {
                throw Self.refusal(path, real, "in a folder of \(Self.name(status.st_uid)), \(folder)")
            }
            guard status.st_mode & 0o1002 != 0o2 else {
                throw Self.refusal(path, real, "in a folder that everybody may change, \(folder)")
            }
            guard folder != "/" else { return file }
            folder = SystemFolder.parent(of: folder)
        }
    }

    /// Whether root alone decides what stands in a folder.
    private static func isRoots(_ folder: String) -> Bool {
        var status = stat()
        return stat(folder, &status) == 0 && status.st_uid == 0 && status.st_mode & 0o022 == 0
    }

    private static func name(_ user: UInt32) -> String { SystemUser.entry(of: user)?.name ?? "user \(user)" }

    private static func refusal(_ path: String, _ real: String, _ where: String) -> SystemError {
        SystemError(
            .invalid,
            "\(path) leads by a symbolic link to \(real), \(`where`): root does not follow it there. Put the file itself "
                + "in the link's place, or give the link's target to the user that the service runs as")
    }
}
