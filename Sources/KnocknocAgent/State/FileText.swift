import Glibc

/// Small files, whole: read with a limit, replaced so that a reader sees the old one or the new one.
enum FileText {
    /// - Throws: ``AgentError`` naming the path and the system's reason.
    static func read(_ path: String, limit: Int) throws(AgentError) -> String {
        String(decoding: try bytes(path, limit: limit), as: UTF8.self)
    }

    static func bytes(_ path: String, limit: Int) throws(AgentError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot read", path) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read", path) }
            if count == 0 { return content }
            content += chunk[..<count]
            guard content.count <= limit else {
                throw AgentError(.file, "\(path) is larger than \(limit) bytes, which it cannot rightly be")
            }
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Writes a temporary file beside it (mode 0600), syncs, renames, and syncs the folder. What root writes into the
    /// folder of another user, such as the service's, is that user's.
    static func replace(_ path: String, with content: [UInt8]) throws(AgentError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot write", temporary) }
        do throws(AgentError) {
            defer { close(descriptor) }
            try writeAll(content, to: descriptor, temporary)
            var owner = stat()
            if geteuid() == 0, stat(folder(of: path), &owner) == 0, owner.st_uid != 0 {
                guard fchown(descriptor, owner.st_uid, owner.st_gid) == 0 else {
                    throw failure("cannot give away", temporary)
                }
            }
            guard fsync(descriptor) == 0 else { throw failure("cannot sync", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure("cannot replace", path)
            unlink(temporary)
            throw error
        }
        try syncFolder(of: path)
    }

    /// Takes a file away for good; one that is not there is no error.
    static func remove(_ path: String) throws(AgentError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("cannot remove", path) }
        try syncFolder(of: path)
    }

    static func move(_ path: String, to target: String) throws(AgentError) {
        guard rename(path, target) == 0 else { throw failure("cannot move", path) }
    }

    /// Makes the folder of a path, mode 0700, where its parent is there.
    static func makeFolder(of path: String) {
        let folder = Self.folder(of: path)
        if access(folder, F_OK) != 0 { mkdir(folder, 0o700) }
    }

    /// Whether others may read a file, or a group that is neither root's nor ours.
    static func isExposed(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        let isOurs = status.st_gid == 0 || status.st_gid == getegid()
        return status.st_mode & (isOurs ? 0o004 : 0o044) != 0
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func syncFolder(of path: String) throws(AgentError) {
        let folder = Self.folder(of: path)
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot open", folder) }
        defer { close(descriptor) }
        // Some file systems (FUSE among them) cannot sync a folder and say EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("cannot sync", folder) }
    }

    private static func writeAll(_ content: [UInt8], to descriptor: Int32, _ path: String) throws(AgentError) {
        var offset = 0
        while offset < content.count {
            let count = content[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot write", path) }
            offset += count
        }
    }

    private static func failure(_ what: String, _ path: String) -> AgentError {
        AgentError(.file, "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}
