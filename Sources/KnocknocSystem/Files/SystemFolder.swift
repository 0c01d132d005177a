import Glibc

/// A folder of the machine.
public enum SystemFolder {
    /// Makes a folder, and its parents with mode 0755; one that is there keeps its mode and owner.
    ///
    /// - Throws: ``SystemError`` naming the folder that could not be made.
    public static func make(_ path: String, mode: UInt32) throws(SystemError) {
        var partial = ""
        let parts = path.split(separator: "/")
        for (index, part) in parts.enumerated() {
            partial += "/" + part
            guard mkdir(partial, index == parts.count - 1 ? mode_t(mode) : 0o755) != 0 else { continue }
            let code = errno
            guard code == EEXIST || access(partial, F_OK) == 0 else {
                throw SystemError(
                    code == EACCES || code == EPERM ? .notAllowed : .failed,
                    "making the folder \(partial): \(String(cString: strerror(code)))")
            }
        }
    }
}
