import Glibc

/// A folder of the machine.
public enum SystemFolder {
    /// Makes a folder with its parents; one that is there keeps its mode and owner.
    ///
    /// - Parameter mode: of those that are made.
    /// - Throws: ``SystemError`` naming the folder that could not be made.
    public static func make(_ path: String, mode: UInt32) throws(SystemError) {
        var partial = ""
        for part in path.split(separator: "/") {
            partial += "/" + part
            guard mkdir(partial, mode_t(mode)) != 0 else { continue }
            let code = errno
            guard code == EEXIST || access(partial, F_OK) == 0 else {
                throw SystemError(
                    code == EACCES || code == EPERM ? .notAllowed : .failed,
                    "making the folder \(partial): \(String(cString: strerror(code)))")
            }
        }
    }
}
