import Glibc

/// The way from the root down to a folder, gone with each folder on it held open: whoever may change one of them cannot
/// have it lead elsewhere meanwhile.
///
/// Root follows a symbolic link only where root alone decides what stands in its place: one in a service's own folder is
/// that service's word, and would have root make, give away or replace what is somebody else's.
struct FolderWay {
    /// What a folder that is not there is made with; those above it get 0755.
    struct Making {
        var mode: UInt32
        var owner: UInt32
        var group: UInt32
    }

    /// A folder that is there.
    struct Found {
        /// Without a link in it.
        var path: String
        var attributes: SystemFile.Attributes
    }

    /// A folder that is there and stays open, until whoever asked for it closes it.
    struct Held {
        /// Good for looking up names in it, not for reading it.
        var descriptor: Int32
        var found: Found
        /// Whether root alone decides about all names on the way to it, and in it.
        var isRoots: Bool
    }

    /// `O_PATH`, which glibc's header hides from Swift: a folder that is walked through need not be readable.
    private static let walking: Int32 = 0o10_000_000
    /// How many links the kernel follows on one way.
    private static let linkLimit = 40

    private let target: String
    private var rest: [String]
    private var folder: Int32
    private var path = "/"
    private var links = 0
    /// Whether root alone decides about all names on the way so far.
    private var isRoots = true

    /// - Parameters:
    ///   - target: absolute.
    ///   - new: nil: nothing is made.
    /// - Returns: nil where it is not there, and is not to be made.
    /// - Throws: ``SystemError`` `invalid` where a link is not followed, `notAllowed` or `failed` where the kernel refuses.
    static func find(_ target: String, making new: Making? = nil) throws(SystemError) -> Found? {
        guard let held = try hold(target, making: new) else { return nil }
        close(held.descriptor)
        return held.found
    }

    /// As ``find(_:making:)``, with the folder left open.
    static func hold(_ target: String, making new: Making? = nil) throws(SystemError) -> Held? {
        var way = FolderWay(target)
        var isHeld = false
        defer { if !isHeld { close(way.folder) } }
        try way.enter(way.folder, "/")
        while let name = way.rest.popLast() {
            guard try way.go(name, new) else { return nil }
        }
        var status = stat()
        guard fstat(way.folder, &status) == 0 else { throw way.failure("looking at", way.path) }
        isHeld = true
        return Held(
            descriptor: way.folder,
            found: Found(
                path: way.path,
                attributes: .init(mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid)),
            isRoots: way.isRoots)
    }

    private init(_ target: String) {
        self.target = target
        rest = target.split(separator: "/").reversed().map(String.init)
        folder = Self.root()
    }

    private static func root() -> Int32 { open("/", Self.walking | O_DIRECTORY | O_CLOEXEC) }

    private mutating func go(_ name: String, _ new: Making?) throws(SystemError) -> Bool {
        guard name != "." else { return true }
        let next = name == ".." ? SystemFolder.parent(of: path) : path == "/" ? "/" + name : path + "/" + name
        var entered = below(name)
        if entered < 0, errno == ENOENT {
            guard let new else { return false }
            try make(name, next, rest.isEmpty ? new : nil)
            entered = below(name)
        }
        guard entered < 0 else {
            close(folder)
            folder = entered
            try enter(entered, next)
            return true
        }
        guard errno == ENOTDIR || errno == ELOOP else { throw failure("looking for", next) }
        try follow(name, next)
        return true
    }

    private func below(_ name: String) -> Int32 {
        openat(folder, name, Self.walking | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }

    private mutating func enter(_ descriptor: Int32, _ next: String) throws(SystemError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("looking at", next) }
        path = next
        // Where others may add names of theirs but not touch root's, as in /tmp, it is root's as well.
        let isKept = status.st_mode & 0o022 == 0 || status.st_mode & 0o1000 != 0
        isRoots = isRoots && status.st_uid == 0 && isKept
    }

    private mutating func follow(_ name: String, _ next: String) throws(SystemError) {
        var status = stat()
        guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw failure("looking at", next) }
        guard status.st_mode & S_IFMT == S_IFLNK else {
            throw SystemError(.invalid, "\(next) is no folder" + (next == target ? "" : ", as \(target) needs it"))
        }
        // Whoever is not root has no more rights than who made the link.
        guard geteuid() != 0 || isRoots && status.st_uid == 0 else {
            throw SystemError(
                .invalid,
                "\(next) is a symbolic link in a folder of another user; root does not follow it. Put the folder itself "
                    + "in its place, or name the folder that it leads to")
        }
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(folder, name, &bytes, bytes.count)
        guard count > 0 else { throw failure("reading", next) }
        links += 1
        guard links <= Self.linkLimit else { throw SystemError(.invalid, "\(target) leads in a circle, by \(next)") }
        let way = String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        rest += way.split(separator: "/").reversed().map(String.init)
        guard way.hasPrefix("/") else { return }
        close(folder)
        folder = Self.root()
        try enter(folder, "/")
    }

    /// - Parameter new: nil for one on the way.
    private func make(_ name: String, _ next: String, _ new: Making?) throws(SystemError) {
        guard mkdirat(folder, name, new == nil ? 0o755 : 0o700) == 0 else {
            guard errno == EEXIST else { throw failure("making the folder", next) }
            return
        }
        guard let new else { return }
        let made = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        defer { if made >= 0 { close(made) } }
        var status = stat()
        guard made >= 0, fstat(made, &status) == 0 else { throw failure("opening the folder", next) }
        guard status.st_uid == geteuid() else {
            throw SystemError(.busy, "somebody else has changed \(next) this moment; it is left alone, try again")
        }
        guard fchown(made, new.owner, new.group) == 0, fchmod(made, mode_t(new.mode)) == 0 else {
            throw failure("giving its owner to", next)
        }
    }

    private func failure(_ doing: String, _ place: String) -> SystemError {
        let code = errno
        return SystemError(
            code == EACCES || code == EPERM ? .notAllowed : .failed,
            "\(doing) \(place): \(String(cString: strerror(code)))")
    }
}
