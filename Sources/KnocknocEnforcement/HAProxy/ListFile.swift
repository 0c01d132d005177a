import Glibc
import KnocknocModel

/// The file from which HAProxy reads a list when it starts: the administrator's own lines, then ours.
enum ListFile {
    static let mark = "# Below this line the file is knocknoc-agent's: it is written anew at every change."
    private static let limit = 64 << 20

    /// The administrator's lines, which stay as they are.
    static func foreign(_ text: String) -> String {
        guard let range = text.firstRange(of: mark) else { return text }
        return String(text[..<range.lowerBound])
    }

    /// The keys in lines of a list.
    static func keys(in text: String) -> Set<String> {
        Set(
            text.split(whereSeparator: \.isNewline).compactMap { line in
                let words = line.split(whereSeparator: \.isWhitespace)
                guard let key = words.first, !key.hasPrefix("#") else { return nil }
                return String(key)
            })
    }

    static func render(_ foreign: String, _ entries: [(network: CIDR, value: String?)]) -> String {
        var text = foreign
        if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
        text += mark + "\n"
        for entry in entries { text += entry.network.shortest + (entry.value.map { " \($0)" } ?? "") + "\n" }
        return text
    }

    /// Makes the folder where its parent is there; HAProxy reads in it as root, and nobody else needs to.
    static func makeFolder(_ path: String) { mkdir(path, 0o750) }

    /// Replaces the file at once, keeping mode, owner and group, and returns when it is on the disk.
    static func write(_ text: String, to path: String) throws(EnforcementError) {
        var old = stat()
        let isNew = lstat(path, &old) != 0
        guard isNew || old.st_mode & S_IFMT == S_IFREG else {
            throw EnforcementError(.refused, "\(path): not a regular file")
        }
        let temporary = path + ".knocknoc-new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else {
            throw EnforcementError(
                .unavailable,
                "\(path): \(systemMessage(errno)); its folder must be the agent's to write, such as one under "
                    + "/var/lib/knocknoc-agent")
        }
        var isWritten = writeAll(text, to: descriptor)
        if !isNew {
            isWritten = isWritten && fchmod(descriptor, old.st_mode & 0o777) == 0
            if old.st_uid != geteuid() || old.st_gid != getegid() { _ = fchown(descriptor, old.st_uid, old.st_gid) }
        }
        isWritten = isWritten && fsync(descriptor) == 0
        let code = errno
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let error = EnforcementError(.unavailable, "\(path): \(systemMessage(isWritten ? errno : code))")
            unlink(temporary)
            throw error
        }
        let folder = open(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/", O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private static func writeAll(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// The whole file; nil where there is none.
    static func read(_ path: String) throws(EnforcementError) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw EnforcementError(.unavailable, "\(path): \(systemMessage(errno))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0, bytes.count <= limit else {
                throw EnforcementError(
                    .unavailable, "\(path): \(count < 0 ? systemMessage(errno) : "it is over 64 MiB")")
            }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}
