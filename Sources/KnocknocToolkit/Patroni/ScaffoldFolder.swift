import Glibc
public import KnocknocSystem

/// Where `knocknoc scaffold` writes.
public struct ScaffoldFolder: Sendable {
    private let path: String

    public init(_ path: String) { self.path = path }

    /// - Throws: ``SystemError`` `invalid` where the folder is there already, `failed` where it cannot be written.
    public func write(_ files: [ScaffoldedFile]) throws(SystemError) {
        guard !SystemFile(path).exists else {
            throw SystemError(.invalid, "\(path) is there already; name another folder, or remove it")
        }
        try make(path)
        for file in files {
            var folder = path
            for part in file.path.split(separator: "/").dropLast() {
                folder += "/" + part
                try make(folder)
            }
            try SystemFile("\(path)/\(file.path)").replace(
                with: file.text, attributes: .init(mode: file.mode, owner: geteuid(), group: getegid()))
        }
    }

    /// All is closed by the outermost folder. Those inside have the modes that they are to have on the host, whatever the
    /// umask: `scp -p` gives that of `etc` to the host's own.
    private func make(_ folder: String) throws(SystemError) {
        let mode: UInt32 = folder == path ? 0o700 : 0o755
        guard mkdir(folder, mode) == 0 ? chmod(folder, mode) == 0 : errno == EEXIST else {
            throw SystemError(.failed, "making \(folder): \(String(cString: strerror(errno)))")
        }
    }
}
