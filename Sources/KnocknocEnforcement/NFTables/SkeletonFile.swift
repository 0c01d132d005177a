import Glibc

/// The guards without their members, as a file that `nft -f` loads before the network is up.
enum SkeletonFile {
    private static let header =
        "#!/usr/sbin/nft -f\n# Written by knocknoc-agent: the ports that stay closed while it is not running.\n"

    /// Whether the file is one that was written here.
    static func isOurs(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: header.utf8.count)
        return Glibc.read(descriptor, &bytes, bytes.count) == bytes.count && bytes.elementsEqual(header.utf8)
    }

    static func render(_ table: OwnTable) -> String {
        header + table.commands
    }

    /// Replaces the file at once, readable by its owner only, and returns when it is on the disk.
    static func write(_ text: String, to path: String) throws(EnforcementError) {
        // The agent and `unguard` may write at the same time; whoever is last has read what the other did.
        let temporary = path + ".\(String(UInt64.random(in: 0 ... .max), radix: 36)).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(temporary) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                let error = failure(temporary)
                close(descriptor)
                unlink(temporary)
                throw error
            }
            bytes = bytes.dropFirst(count)
        }
        // `unguard` by root leaves the file to the agent's user, who could not read it at its next start otherwise.
        if let owner = owner(ofFolderOf: path), owner.user != geteuid() {
            _ = fchown(descriptor, owner.user, owner.group)
        }
        let synced = fchmod(descriptor, 0o600) == 0 && fsync(descriptor) == 0
        close(descriptor)
        guard synced, rename(temporary, path) == 0 else {
            let error = failure(path)
            unlink(temporary)
            throw error
        }
        let folder = open(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/", O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    static func remove(_ path: String) { unlink(path) }

    /// The file's text; nil where there is none.
    ///
    /// - Throws: ``EnforcementError`` where others could have written it: it becomes firewall rules.
    static func read(_ path: String) throws(EnforcementError) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        let owners = [0, geteuid(), owner(ofFolderOf: path)?.user]
        guard owners.contains(status.st_uid), status.st_mode & 0o022 == 0 else {
            throw EnforcementError(
                .refused, "\(path): others may write it; expected owner root, us or the folder's, mode 0600")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw failure(path) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whose folder a file is in: the agent's user, for whom root may have to write.
    private static func owner(ofFolderOf path: String) -> (user: uid_t, group: gid_t)? {
        var folder = stat()
        let name = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/"
        return stat(name, &folder) == 0 ? (folder.st_uid, folder.st_gid) : nil
    }

    private static func failure(_ path: String) -> EnforcementError {
        EnforcementError(.unavailable, "\(path): \(systemMessage(errno))")
    }
}
