import Glibc

/// Users of this machine.
public enum SystemUser {
    /// The login name and the main group of a user id; nil where nobody has it.
    public static func entry(of id: UInt32) -> (name: String, group: UInt32)? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return (String(cString: entry.pw_name), entry.pw_gid)
    }

    /// The id of a user; nil where there is none of that name.
    public static func id(of name: String) -> UInt32? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.pw_uid
    }

    /// What stands before a command that another user of this machine is to run; nothing where we are that user.
    ///
    /// - Throws: ``SystemError`` `notAllowed` where we may not, `missing` where nobody has that id.
    public static func prefix(for id: UInt32) throws(SystemError) -> [String] {
        guard id != geteuid() else { return [] }
        try Superuser.require("acts as another user of this machine")
        guard let group = entry(of: id)?.group else {
            throw SystemError(.missing, "there is no user with the id \(id) on this machine")
        }
        return ["setpriv", "--reuid", "\(id)", "--regid", "\(group)", "--init-groups", "--"]
    }
}
