import Glibc

extension SystemFile {
    /// The file that this path leads to, where root may follow it there: a symbolic link in a service's own folder is
    /// that service's word, and must not have root read or replace a file of somebody else. That holds for a link in the
    /// middle of the path as for the last one, and for what a link leads to.
    ///
    /// - Parameter owner: the service's user.
    /// - Returns: the file itself, with no link on the way; this one where it is not there.
    /// - Throws: ``SystemError`` `invalid` where a link is somebody else's, or leads to a file that is not the owner's, or
    ///   into a folder that others may change.
    public func followed(for owner: UInt32) throws(SystemError) -> SystemFile {
        guard let found = realpath(path, nil) else { return SystemFile(path, followsLinks: false) }
        defer { free(found) }
        let real = String(cString: found)
        // Whoever owns a folder on the way may put a link there after we have looked.
        let file = SystemFile(real: real)
        guard real != path else { return file }
        let isRootsWord = try lookAtLinks(to: real, owner)
        if let target = try file.attributes(), target.owner != owner, !isRootsWord || target.owner != 0 {
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

    /// Goes the way as the kernel does, and looks at each link on it.
    ///
    /// - Returns: whether root alone has put all of them there.
    private func lookAtLinks(to real: String, _ owner: UInt32) throws(SystemError) -> Bool {
        var (folder, isRootsWord) = ("/", true)
        var rest: [String] = path.split(separator: "/").reversed().map(String.init)
        while let name = rest.popLast() {
            guard name != "." else { continue }
            guard name != ".." else {
                folder = SystemFolder.parent(of: folder)
                continue
            }
            let next = folder == "/" ? "/" + name : folder + "/" + name
            var status = stat()
            guard lstat(next, &status) == 0 else { throw Self.refusal(path, real, "where \(next) is not there") }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                folder = next
                continue
            }
            guard [0, owner].contains(status.st_uid) else {
                throw Self.refusal(path, real, "by \(next), which \(Self.name(status.st_uid)) has made")
            }
            isRootsWord = isRootsWord && status.st_uid == 0 && Self.isRoots(folder)
            guard let target = Self.target(of: next) else {
                throw Self.refusal(path, real, "where \(next) is not there")
            }
            if target.hasPrefix("/") { folder = "/" }
            rest += target.split(separator: "/").reversed().map(String.init)
        }
        return isRootsWord
    }

    private static func target(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(link, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }

    /// Whether root alone decides what stands in a folder under root's names, and in those that lead there. Where others may
    /// add names of theirs but not touch root's, as in /tmp, it does.
    private static func isRoots(_ folder: String) -> Bool {
        var folder = folder
        while true {
            var status = stat()
            guard lstat(folder, &status) == 0, status.st_uid == 0,
                status.st_mode & 0o022 == 0 || status.st_mode & 0o1000 != 0
            else { return false }
            guard folder != "/" else { return true }
            folder = SystemFolder.parent(of: folder)
        }
    }

    private static func name(_ user: UInt32) -> String { SystemUser.entry(of: user)?.name ?? "user \(user)" }

    private static func refusal(_ path: String, _ real: String, _ where: String) -> SystemError {
        SystemError(
            .invalid,
            "\(path) leads by a symbolic link to \(real), \(`where`): root does not follow it there. Put the file itself "
                + "in the link's place, or give the link's target to the user that the service runs as")
    }
}
