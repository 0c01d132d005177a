import Glibc

/// The rights that a command needs.
public enum Superuser {
    /// - Parameter purpose: what root is needed for, as in "changes PostgreSQL's files".
    /// - Throws: ``SystemError`` `notAllowed` where this process is not root's.
    public static func require(_ purpose: String) throws(SystemError) {
        guard geteuid() == 0 else {
            throw SystemError(.notAllowed, "this \(purpose), which needs root; run it with sudo")
        }
    }
}
