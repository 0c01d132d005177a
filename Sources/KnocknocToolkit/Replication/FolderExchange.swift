import Glibc
import KnocknocSystem

/// A copy that takes the place of a data folder, which is kept aside: in one step, so that whoever is killed here leaves
/// a data folder that is whole, the one or the other.
struct FolderExchange: Sendable {
    private let data: String
    private let copy: String
    private let kept: String
    private let original: Identity

    /// - Parameters:
    ///   - data: the folder to replace; all three are on one file system.
    ///   - kept: a name that nothing has.
    init(_ data: String, copy: String, kept: String) throws(SystemError) {
        (self.data, self.copy, self.kept) = (data, copy, kept)
        guard let original = Identity(data) else { throw SystemError(.missing, "there is no \(data)") }
        self.original = original
    }

    func carryOut() throws(SystemError) {
        // Under its later name first: nobody takes the data from before for a copy.
        try Self.move(copy, to: kept)
        if try Self.swap(kept, data) { return }
        try Self.move(kept, to: copy)
        try Self.move(data, to: kept)
        try Self.move(copy, to: data)
    }

    /// Also where it was done in part only.
    func undo() throws(SystemError) {
        guard SystemFile(kept).exists else { return }
        if Identity(data) == original { return try Self.move(kept, to: copy) }
        if SystemFile(data).exists {
            if try Self.swap(kept, data) { return try Self.move(kept, to: copy) }
            try Self.move(data, to: copy)
        }
        try Self.move(kept, to: data)
    }

    /// Exchanges two names in one step.
    ///
    /// - Returns: false where the file system or the kernel cannot; nothing is changed then.
    static func swap(_ one: String, _ other: String) throws(SystemError) -> Bool {
        // Swift's Glibc does not show what only GNU has.
        typealias Function =
            @convention(c) (
                Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
            ) -> Int32
        guard let symbol = dlsym(nil, "renameat2") else { return false }
        let exchange: UInt32 = 1 << 1
        if unsafeBitCast(symbol, to: Function.self)(AT_FDCWD, one, AT_FDCWD, other, exchange) == 0 { return true }
        guard [EINVAL, ENOSYS, EXDEV, EPERM].contains(errno) else {
            throw SystemError(.failed, "exchanging \(one) and \(other): \(String(cString: strerror(errno)))")
        }
        return false
    }

    private static func move(_ from: String, to: String) throws(SystemError) {
        guard rename(from, to) == 0 else {
            throw SystemError(.failed, "moving \(from) to \(to): \(String(cString: strerror(errno)))")
        }
    }

    /// A folder, whatever it is called.
    private struct Identity: Equatable {
        private let device: UInt
        private let number: UInt

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            (device, number) = (UInt(status.st_dev), UInt(status.st_ino))
        }
    }
}

extension FolderExchange {
    /// What to type where a server does not run beside whose data such a folder lies: a command that was killed, or a
    /// machine that lost its power, may have left it so.
    ///
    /// - Parameter folder: with the clusters' data as VERSION/NAME.
    /// - Returns: nil where there is none.
    static func brokenOff(below folder: String) -> String? {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(folder + "/*/*.knocknoc-*", 0, nil, &found) == 0 else { return nil }
        let left = (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
        for path in left.reversed() {
            guard let mark = path.ranges(of: ".knocknoc-").last else { continue }
            let data = String(path[..<mark.lowerBound])
            guard !isRunning(data) else { continue }
            let parts = data.split(separator: "/").suffix(2)
            let start = "sudo pg_ctlcluster \(parts.joined(separator: " ")) start"
            if SystemFile(data).exists {
                return "The data in \(data) is whole; \(path) beside it is of a replica --init, which may have been "
                    + "broken off. Start PostgreSQL, then the same command again: \(start)"
            }
            guard path[mark.upperBound...].hasPrefix("kept-") else { continue }
            return "A replica --init was broken off: \(data) is missing and its data is in \(path). Put it back, then "
                + "the same command again: sudo mv \(path) \(data) && \(start)"
        }
        return nil
    }

    private static func isRunning(_ data: String) -> Bool {
        guard let first = try? SystemFile(data + "/postmaster.pid").text()?.split(separator: "\n").first,
            let pid = Int32(first)
        else { return false }
        return kill(pid, 0) == 0
    }
}
