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
    /// - Throws: ``EnforcementError`` where others could have written it, or it is not what is written here: it becomes
    ///   firewall rules, and root may be who reads it in the folder of the agent's user.
    static func read(_ path: String) throws(EnforcementError) -> String? {
        // Not blocking: a FIFO in its place would keep us waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            guard errno != ELOOP else {
                throw EnforcementError(.refused, "\(path) is a symbolic link; expected the file itself")
            }
            throw failure(path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw EnforcementError(.refused, "\(path) is no regular file")
        }
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
        let text = String(decoding: bytes, as: UTF8.self)
        try check(text, path)
        return text
    }

    /// Lets pass such commands as are written here: an `include` would have root open any file, and say what is in it.
    private static func check(_ text: String, _ path: String) throws(EnforcementError) {
        // Bytes, as nft reads them: to Swift a carriage return and what follows it are one character.
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            let isCommand = ["add ", "flush ", "delete "].contains { line.starts(with: $0.utf8) }
            // What is in quotes is every second part: comments and names of interfaces.
            let parts = line.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
            let includes = stride(from: 0, to: parts.count, by: 2).contains { part in
                parts[part].split { !isOfWord($0) }.contains { $0.elementsEqual("include".utf8) }
            }
            guard isCommand, parts.count % 2 == 1, !line.contains(UInt8(ascii: "\\")), !includes else {
                throw EnforcementError(
                    .refused,
                    "\(path):\(index + 1): not a line that the agent writes; remove the file, and the agent makes it anew"
                )
            }
        }
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
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
