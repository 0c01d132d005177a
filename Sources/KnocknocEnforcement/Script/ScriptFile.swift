import CLinux
import Glibc

/// Opens a script's file once: what was checked is what is started, whatever happens to its name meanwhile.
enum ScriptFile {
    /// - Parameters:
    ///   - path: absolute, as the model checks it.
    ///   - trusted: the folder that the check begins at.
    /// - Returns: a descriptor to be closed by the caller.
    /// - Throws: ``EnforcementError`` where anybody but root and this process's own user could change what runs.
    static func open(_ path: String, below trusted: String? = nil) throws(EnforcementError) -> Int32 {
        let base = trusted ?? "/"
        guard path.hasPrefix(trusted.map { $0 + "/" } ?? "/") else {
            throw EnforcementError(.refused, "\(path) is not below \(base)")
        }
        let names = path.dropFirst(base.count).split(separator: "/").map(String.init)
        guard let last = names.last else { throw EnforcementError(.refused, "\(path) names no file") }
        var folder = Glibc.open(base, knocknoc_o_path | O_DIRECTORY | O_CLOEXEC)
        defer { close(folder) }
        if trusted == nil { try check(folder, "/", S_IFDIR) }
        var place = trusted ?? ""
        for name in names.dropLast() {
            place += "/" + name
            let next = openat(folder, name, knocknoc_o_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { throw failure(place, errno) }
            close(folder)
            folder = next
            try check(folder, place, S_IFDIR)
        }
        // Not blocking: a FIFO in its place would keep us waiting.
        let file = openat(folder, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw failure(path, errno) }
        do throws(EnforcementError) {
            let mode = try check(file, path, S_IFREG)
            guard mode & 0o111 != 0 else { throw EnforcementError(.refused, "\(path) is not executable") }
        } catch {
            close(file)
            throw error
        }
        return file
    }

    @discardableResult
    private static func check(_ descriptor: Int32, _ path: String, _ type: mode_t) throws(EnforcementError) -> mode_t {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw failure(path, errno) }
        guard facts.st_mode & S_IFMT == type else {
            throw EnforcementError(.refused, "\(path) is not a regular \(type == S_IFDIR ? "folder" : "file")")
        }
        guard facts.st_uid == 0 || facts.st_uid == geteuid() else {
            throw EnforcementError(.refused, "\(path) belongs to neither root nor the agent's user")
        }
        guard facts.st_mode & 0o022 == 0 else {
            throw EnforcementError(.refused, "\(path) can be changed by others; chmod go-w \(path)")
        }
        return facts.st_mode
    }

    private static func failure(_ path: String, _ number: Int32) -> EnforcementError {
        switch number {
        case ELOOP, ENOTDIR:
            EnforcementError(.refused, "\(path) is a link, or no folder; name the place that it leads to")
        case ENOENT: EnforcementError(.missing, "\(path) is not there")
        default: EnforcementError(.refused, "\(path): \(systemMessage(number))")
        }
    }
}
