import Glibc
import KnocknocSystem

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

    /// The bytes of a file of the agent's own, nil where it is not there: root may be who reads it in the folder of the
    /// agent's user, and goes by no link of that user's.
    static func kept(_ path: String, limit: Int) throws(AgentError) -> [UInt8]? {
        try checked { () throws(SystemError) in
            try HeldFile.find(path, followingLast: true)?.content(limit: limit)?.bytes
        }
    }

    /// Writes a temporary file beside it (mode 0600), syncs, renames, and syncs the folder. What root writes into the
    /// folder of another user, such as the service's, is that user's.
    static func replace(_ path: String, with content: [UInt8]) throws(AgentError) {
        try change(path) { (file) throws(SystemError) in try file.replace(with: content) }
    }

    /// Takes a file away for good; one that is not there is no error.
    static func remove(_ path: String) throws(AgentError) {
        try change(path) { (file) throws(SystemError) in try file.remove() }
    }

    /// Gives a file a name with this end, beside it.
    static func move(_ path: String, appending end: String) throws(AgentError) {
        try change(path) { (file) throws(SystemError) in try file.rename(appending: end) }
    }

    /// Makes the folder of a path, mode 0700, where its parent is there.
    static func makeFolder(of path: String) {
        let folder = SystemFolder.parent(of: path)
        guard (try? SystemFolder.attributes(of: SystemFolder.parent(of: folder))) != nil else { return }
        try? SystemFolder.make(folder, mode: 0o700)
    }

    /// Whether others may read a file, or a group that is neither root's nor ours.
    static func isExposed(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        let isOurs = status.st_gid == 0 || status.st_gid == getegid()
        return status.st_mode & (isOurs ? 0o004 : 0o044) != 0
    }

    private static func change(_ path: String, _ body: (HeldFile) throws(SystemError) -> Void) throws(AgentError) {
        try checked { () throws(SystemError) in
            guard let file = try HeldFile.find(path) else {
                throw SystemError(.missing, "\(path): its folder is not there")
            }
            try body(file)
        }
    }

    private static func checked<Result>(_ body: () throws(SystemError) -> Result) throws(AgentError) -> Result {
        do throws(SystemError) { return try body() } catch { throw AgentError(.file, error.message) }
    }

    private static func failure(_ what: String, _ path: String) -> AgentError {
        AgentError(.file, "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}
