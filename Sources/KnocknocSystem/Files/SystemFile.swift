import Glibc

/// A text file of the machine that is changed as a whole: what replaces it is complete on the disk before it takes the
/// name, keeps owner and mode, and the one before stays beside it.
public struct SystemFile: Sendable {
    /// What a new file is made with.
    public struct Attributes: Hashable, Sendable {
        public var mode: UInt32
        public var owner: UInt32
        public var group: UInt32

        public init(mode: UInt32, owner: UInt32 = 0, group: UInt32 = 0) {
            self.mode = mode
            self.owner = owner
            self.group = group
        }
    }

    public let path: String

    /// Whether a symbolic link of this name stands for what it points at. Not in a folder of another user, who could
    /// have root read or replace any file: there a link is refused.
    public let followsLinks: Bool

    /// Whether no symbolic link stood anywhere on the way when it was looked at (``followed(for:)``); none may stand there
    /// when it is used either.
    let isReal: Bool

    public init(_ path: String, followsLinks: Bool = true) {
        self.path = path
        self.followsLinks = followsLinks
        isReal = false
    }

    /// - Parameter path: absolute, with no link in it.
    init(real path: String) {
        self.path = path
        followsLinks = false
        isReal = true
    }

    /// The file of an absolute path whose folder may be another user's: root follows a symbolic link on the way only where
    /// root alone could have put it, and nobody follows one in the file's own place.
    ///
    /// - Returns: nil where its folder is not there.
    /// - Throws: ``SystemError`` `invalid` for a link that is not followed.
    public static func unfollowed(_ path: String) throws(SystemError) -> SystemFile? {
        guard let name = path.split(separator: "/").last, let folder = try FolderWay.find(SystemFolder.parent(of: path))
        else { return nil }
        return SystemFile(real: (folder.path == "/" ? "/" : folder.path + "/") + name)
    }

    /// Where ``replace(with:attributes:)`` keeps what it found.
    public var backup: SystemFile {
        let path = path + ".knocknoc-backup"
        return isReal ? SystemFile(real: path) : SystemFile(path, followsLinks: followsLinks)
    }

    public var exists: Bool { access(path, F_OK) == 0 }

    /// Mode and owner; nil where the file is not there.
    public func attributes() throws(SystemError) -> Attributes? {
        var status = stat()
        let place = try self.place()
        defer { place.close() }
        guard fstatat(place.folder, place.name, &status, followsLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw failure("looking at") }
            return nil
        }
        guard followsLinks || status.st_mode & S_IFMT != S_IFLNK else {
            throw SystemError(.invalid, "\(path) is a symbolic link in a folder of another user; it is not followed")
        }
        return Attributes(mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid)
    }

    /// The bytes; nil where the file is not there.
    public func bytes() throws(SystemError) -> [UInt8]? {
        let place = try self.place()
        defer { place.close() }
        let descriptor = openat(place.folder, place.name, O_RDONLY | O_CLOEXEC | (followsLinks ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw failure("reading") }
            return nil
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 { bytes += buffer[..<count] }
            if count == 0 { return bytes }
            if count < 0, errno != EINTR { throw failure("reading") }
        }
    }

    /// The text; nil where the file is not there.
    ///
    /// - Throws: ``SystemError`` `invalid` where it is not UTF-8.
    public func text() throws(SystemError) -> String? {
        guard let bytes = try bytes() else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SystemError(.invalid, "\(path) is not UTF-8 text; it is left alone")
        }
        return text
    }

    /// Puts these bytes in the file's place, keeping owner and mode, and the file before as ``backup``. A symbolic link
    /// is followed: what it points at is replaced.
    ///
    /// - Parameters:
    ///   - attributes: for a file that is not there yet.
    ///   - expected: what the change was made of; where an editor has saved something else meanwhile, that stays.
    /// - Throws: ``SystemError`` `failed`, or `busy` where the file is not as expected, with the file as it was.
    public func replace(
        with bytes: [UInt8], attributes new: Attributes = Attributes(mode: 0o644), keepingBackup: Bool = true,
        expecting expected: [UInt8]? = nil
    ) throws(SystemError) {
        let target = isReal ? self : SystemFile(resolved, followsLinks: followsLinks)
        let old = try target.bytes()
        let attributes = try target.attributes() ?? new
        if keepingBackup, let old, old != bytes {
            try target.backup.put(old, attributes)
        }
        try target.put(bytes, attributes, expecting: expected)
    }

    public func replace(
        with text: String, attributes: Attributes = Attributes(mode: 0o644), keepingBackup: Bool = true
    ) throws(SystemError) {
        try replace(with: Array(text.utf8), attributes: attributes, keepingBackup: keepingBackup)
    }

    /// Takes the file away; nothing happens where it is not there.
    public func remove() throws(SystemError) {
        let place = try self.place()
        defer { place.close() }
        guard unlinkat(place.folder, place.name, 0) == 0 || errno == ENOENT else { throw failure("removing") }
    }

    /// Holds a lock beside the file while `body` runs, so that two commands do not change it at once; a signal does not
    /// end the process meanwhile, but stops `body` at its next safe point (``Interruption``).
    ///
    /// - Throws: ``SystemError`` `busy` where somebody else holds it.
    public func locked<Result>(_ body: () async throws -> Result) async throws -> Result {
        // A folder of root's own: in /run/lock anybody could take the lock first.
        mkdir(Self.locks, 0o700)
        let descriptor = open(
            Self.locks + "/" + path.map { $0 == "/" ? "-" : String($0) }.joined(),
            O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("locking") }
        defer {
            // Not by closing alone: a child that was forked this moment has the descriptor too until it runs its program.
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SystemError(.busy, "another knocker is changing \(path) right now; try again when it is done")
        }
        return try await Interruption.guarded(body)
    }

    private static let locks = "/run/knocknoc-locks"

    private var resolved: String {
        guard followsLinks, let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private func put(
        _ bytes: [UInt8], _ attributes: Attributes, expecting expected: [UInt8]? = nil
    ) throws(SystemError) {
        let place = try self.place()
        defer { place.close() }
        let temporary = place.name + ".knocknoc-new"
        unlinkat(place.folder, temporary, 0)
        let descriptor = openat(
            place.folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("writing") }
        var isWritten = false
        defer { if !isWritten { unlinkat(place.folder, temporary, 0) } }
        do {
            defer { close(descriptor) }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno != EINTR { throw failure("writing") }
                rest = rest.dropFirst(max(0, count))
            }
            guard fchown(descriptor, attributes.owner, attributes.group) == 0,
                fchmod(descriptor, mode_t(attributes.mode)) == 0, fsync(descriptor) == 0
            else { throw failure("writing") }
        }
        if let expected, try self.bytes() != expected {
            throw SystemError(.busy, "somebody else has changed \(path) this moment; nothing is changed, try again")
        }
        guard renameat(place.folder, temporary, place.folder, place.name) == 0 else { throw failure("replacing") }
        isWritten = true
        guard !isReal else {
            fsync(place.folder)
            return
        }
        let folder = open(
            path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/", O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    private func place() throws(SystemError) -> FilePlace {
        isReal ? try FilePlace(real: path) : FilePlace(path)
    }

    private func failure(_ doing: String) -> SystemError {
        let code = errno
        return SystemError(
            code == EACCES || code == EPERM ? .notAllowed : .failed,
            "\(doing) \(path): \(String(cString: strerror(code)))")
    }
}
