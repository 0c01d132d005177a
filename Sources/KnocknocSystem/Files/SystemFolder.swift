import Glibc

/// Folders of the machine.
public enum SystemFolder {
    /// Makes a folder with its parents; one that is there keeps mode and owner.
    ///
    /// - Parameters:
    ///   - mode: of the last one; its parents get 0755.
    ///   - owner: nil: whoever we act as.
    public static func make(
        _ path: String, mode: UInt32, owner: UInt32? = nil, group: UInt32? = nil
    ) throws(SystemError) {
        let parts = path.split(separator: "/")
        var partial = ""
        for (index, part) in parts.enumerated() {
            partial += "/" + part
            let isLast = index == parts.count - 1
            if mkdir(partial, isLast ? mode : 0o755) != 0 {
                let code = errno
                if code == EEXIST || access(partial, F_OK) == 0 { continue }
                throw SystemError(
                    code == EACCES || code == EPERM ? .notAllowed : .failed,
                    "making the folder \(partial): \(String(cString: strerror(code)))")
            }
            guard isLast else { continue }
            // What the umask took away.
            guard chmod(partial, mode) == 0, chown(partial, owner ?? geteuid(), group ?? getegid()) == 0 else {
                throw SystemError(.failed, "giving \(partial) its owner: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// The folder that a path is in.
    public static func parent(of path: String) -> String {
        "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }
}
