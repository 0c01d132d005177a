import Glibc

/// Folders of the machine.
public enum SystemFolder {
    /// Makes a folder with its parents; one that is there keeps mode and owner. Root goes by no symbolic link that
    /// another user could have put on the way.
    ///
    /// - Parameters:
    ///   - mode: of the last one; its parents get 0755.
    ///   - owner: nil: whoever we act as.
    /// - Throws: ``SystemError`` `invalid` for a link that is not followed or what is no folder, `notAllowed`, `failed`.
    public static func make(
        _ path: String, mode: UInt32, owner: UInt32? = nil, group: UInt32? = nil
    ) throws(SystemError) {
        _ = try FolderWay.find(
            path, making: .init(mode: mode, owner: owner ?? geteuid(), group: group ?? getegid()))
    }

    /// Mode and owner; nil where it is not there.
    ///
    /// - Throws: ``SystemError``, as ``make(_:mode:owner:group:)`` does.
    public static func attributes(of path: String) throws(SystemError) -> SystemFile.Attributes? {
        try FolderWay.find(path)?.attributes
    }

    /// The folder that a path is in.
    public static func parent(of path: String) -> String {
        "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }
}
