import Glibc

extension SystemFile {
    /// How many links the kernel follows on one way.
    private static let linkLimit = 40

    /// The file that this absolute path leads to, where root may follow it there: a symbolic link in a service's own
    /// folder is that service's word, and must not have root read or replace a file of somebody else. That holds for a
    /// link in the middle of the path as for the last one, and for what a link leads to.
    ///
    /// - Parameter owner: the service's user.
    /// - Returns: the file itself, with no link on the way: whoever puts one there later has it refused.
    /// - Throws: ``SystemError`` `missing` where nothing is there, `invalid` where a link is somebody else's, or leads to
    ///   a file that is not the owner's, or into a folder that others may change.
    public func followed(for owner: UInt32) throws(SystemError) -> SystemFile { try followed(for: owner) { _ in } }

    /// - Parameter looking: called with each path before it is looked at.
    func followed(for owner: UInt32, looking: (String) -> Void) throws(SystemError) -> SystemFile {
        // One way alone says what the file is: a second look could find another than the links that were judged.
        let (real, isRootsWord) = try walked(owner, looking)
        let file = SystemFile(real: real)
        looking(real)
        guard let target = try file.attributes() else { throw missing(real, ENOENT) }
        guard real != path else { return file }
        if target.owner != owner, !isRootsWord || target.owner != 0 {
            throw refusal(real, "which belongs to \(Self.name(target.owner))")
        }
        var folder = SystemFolder.parent(of: real)
        while true {
            looking(folder)
            var status = stat()
            guard lstat(folder, &status) == 0 else { throw missing(folder) }
            guard [0, owner].contains(status.st_uid) else {
                throw refusal(real, "in a folder of \(Self.name(status.st_uid)), \(folder)")
            }
            guard status.st_mode & 0o1002 != 0o2 else {
                throw refusal(real, "in a folder that everybody may change, \(folder)")
            }
            guard folder != "/" else { return file }
            folder = SystemFolder.parent(of: folder)
        }
    }

    /// Goes the way as the kernel does, and looks at each link on it.
    ///
    /// - Returns: where it ends, and whether root alone has put all links there.
    private func walked(
        _ owner: UInt32, _ looking: (String) -> Void
    ) throws(SystemError) -> (real: String, isRootsWord: Bool) {
        var (real, isRootsWord, links) = ("/", true, 0)
        var rest: [String] = path.split(separator: "/").reversed().map(String.init)
        while let name = rest.popLast() {
            guard name != "." else { continue }
            guard name != ".." else {
                real = SystemFolder.parent(of: real)
                continue
            }
            let next = real == "/" ? "/" + name : real + "/" + name
            looking(next)
            var status = stat()
            guard lstat(next, &status) == 0 else { throw missing(next) }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                real = next
                continue
            }
            guard [0, owner].contains(status.st_uid) else {
                throw refusal(next, "which \(Self.name(status.st_uid)) has made")
            }
            links += 1
            guard links <= Self.linkLimit else { throw refusal(next, "and from there in a circle") }
            isRootsWord = isRootsWord && status.st_uid == 0 && Self.isRoots(real)
            guard let target = Self.target(of: next) else { throw missing(next) }
            if target.hasPrefix("/") { real = "/" }
            rest += target.split(separator: "/").reversed().map(String.init)
        }
        return (real, isRootsWord)
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

    private func missing(_ place: String, _ code: Int32 = errno) -> SystemError {
        guard [ENOENT, ENOTDIR].contains(code) else {
            return SystemError(
                code == EACCES ? .notAllowed : .failed,
                "looking for \(path): \(place): \(String(cString: strerror(code)))")
        }
        return SystemError(.missing, "\(path) is missing" + (place == path ? "" : ": \(place) is not there"))
    }

    private func refusal(_ place: String, _ where: String) -> SystemError {
        SystemError(
            .invalid,
            "\(path) leads by a symbolic link to \(place), \(`where`): root does not follow it there. Put the file itself "
                + "in the link's place, or give the link's target to the user that the service runs as")
    }
}
