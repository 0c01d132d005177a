import Glibc

/// A file of a service's, in a folder that is found once and held open: whatever whoever may change that folder, or one
/// on the way to it, does meanwhile, what is looked at, written and removed here is in one and the same folder.
public final class HeldFile: Sendable {
    /// The folder's part is without a link.
    public let path: String
    /// Of the folder.
    public let folder: SystemFile.Attributes

    private let descriptor: Int32
    private let name: String

    /// How many links a file's own name may lead over.
    private static let linkLimit = 40

    /// Finds the folder of an absolute path. Root follows a symbolic link on the way only where root alone could have put
    /// it there.
    ///
    /// - Parameter followingLast: whether a link in the file's own place stands for the file that it leads to, where it
    ///   may be followed. What is there afterwards is never followed.
    /// - Returns: nil where the folder is not there.
    /// - Throws: ``SystemError`` `invalid` for a link that is not followed, `notAllowed` or `failed` where the kernel refuses.
    public static func find(_ path: String, followingLast: Bool = false) throws(SystemError) -> HeldFile? {
        var target = path
        for _ in 0...linkLimit {
            guard let name = target.split(separator: "/").last.map(String.init), target.hasPrefix("/") else {
                throw SystemError(.invalid, "\(target) is no file's absolute path")
            }
            guard let way = try FolderWay.hold(SystemFolder.parent(of: target)) else { return nil }
            let file = HeldFile(way, name)
            guard followingLast, let link = try file.link() else { return file }
            guard geteuid() != 0 || way.isRoots && link.owner == 0 else {
                throw SystemError(
                    .invalid, "\(file.path) is a symbolic link in a folder of another user; root does not follow it")
            }
            target = link.target.hasPrefix("/") ? link.target : SystemFolder.parent(of: file.path) + "/" + link.target
        }
        throw SystemError(.invalid, "\(path) leads in a circle")
    }

    private init(_ way: FolderWay.Held, _ name: String) {
        path = (way.found.path == "/" ? "/" : way.found.path + "/") + name
        folder = way.found.attributes
        descriptor = way.descriptor
        self.name = name
    }

    deinit { close(descriptor) }

    /// The bytes and whose they are; nil where the file is not there. A file that would keep us waiting is not read.
    ///
    /// - Parameter limit: in bytes.
    /// - Throws: ``SystemError`` `invalid` for a link, for what is no regular file, or for one above the limit.
    public func content(limit: Int) throws(SystemError) -> (bytes: [UInt8], attributes: SystemFile.Attributes)? {
        let file = openat(descriptor, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            guard errno != ELOOP else {
                throw SystemError(.invalid, "\(path) is a symbolic link; expected the file itself")
            }
            throw failure("cannot read")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("cannot read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(.invalid, "\(path) is no regular file") }
        let attributes = SystemFile.Attributes(
            mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read") }
            if count == 0 { return (bytes, attributes) }
            bytes += chunk[..<count]
            guard bytes.count <= limit else {
                throw SystemError(.invalid, "\(path) is larger than \(limit) bytes, which it cannot rightly be")
            }
        }
    }

    /// Puts these bytes in the file's place, mode 0600, and returns when they are on the disk. What root writes into
    /// another user's folder is that user's.
    ///
    /// - Parameter amongOthers: whether another process may write it at the same time; whoever is last has the last word.
    public func replace(with bytes: [UInt8], amongOthers: Bool = false) throws(SystemError) {
        let chance = amongOthers ? "." + String(UInt64.random(in: 0 ... .max), radix: 36) : ""
        let temporary = name + chance + ".new"
        unlinkat(descriptor, temporary, 0)
        let file = openat(descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure("cannot write") }
        var isInPlace = false
        defer { if !isInPlace { unlinkat(descriptor, temporary, 0) } }
        do {
            defer { close(file) }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure("cannot write") }
                rest = rest.dropFirst(count)
            }
            if geteuid() == 0, folder.owner != 0, fchown(file, folder.owner, folder.group) != 0 {
                throw failure("cannot give away")
            }
            guard fchmod(file, 0o600) == 0, fsync(file) == 0 else { throw failure("cannot write") }
        }
        guard renameat(descriptor, temporary, descriptor, name) == 0 else { throw failure("cannot replace") }
        isInPlace = true
        try sync()
    }

    /// Takes the file away for good; one that is not there is no error.
    public func remove() throws(SystemError) {
        guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else { throw failure("cannot remove") }
        try sync()
    }

    /// Gives the file a name with this end in its folder, whatever had that before.
    public func rename(appending end: String) throws(SystemError) {
        guard renameat(descriptor, name, descriptor, name + end) == 0 else { throw failure("cannot move") }
    }

    /// Where a symbolic link in the file's place leads, and whose it is.
    private func link() throws(SystemError) -> (target: String, owner: UInt32)? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw failure("cannot look at") }
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFLNK else { return nil }
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(descriptor, name, &bytes, bytes.count)
        guard count > 0 else { throw failure("cannot read") }
        return (String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self), status.st_uid)
    }

    private func sync() throws(SystemError) {
        let readable = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard readable >= 0 else { throw failure("cannot open the folder of") }
        defer { close(readable) }
        // Some file systems (FUSE among them) cannot sync a folder and say EINVAL.
        guard fsync(readable) == 0 || errno == EINVAL else { throw failure("cannot sync the folder of") }
    }

    private func failure(_ what: String) -> SystemError {
        let code = errno
        return SystemError(
            code == EACCES || code == EPERM ? .notAllowed : .failed,
            "\(what) \(path): \(String(cString: strerror(code)))")
    }
}
