import Glibc

/// Files that nobody else may read.
enum PrivateFile {
    /// Writes a file of mode 0600 in one step: a reader sees the old content or the new, never a part.
    static func write(_ bytes: [UInt8], to path: String) throws(ServerError) {
        let temporary = path + ".new"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw ServerError(.files, "cannot write \(path): \(reason())") }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else {
                let why = reason()
                close(file)
                throw ServerError(.files, "cannot write \(path): \(why)")
            }
            rest = rest.dropFirst(count)
        }
        fsync(file)
        close(file)
        guard rename(temporary, path) == 0 else { throw ServerError(.files, "cannot write \(path): \(reason())") }
    }

    /// Makes a directory of mode 0700 with its parents; one that is there keeps its mode.
    static func makeDirectory(_ path: String) throws(ServerError) {
        var partial = ""
        for part in path.split(separator: "/") {
            partial += "/" + part
            if mkdir(partial, 0o700) != 0, errno != EEXIST, access(partial, F_OK) != 0 {
                throw ServerError(.files, "cannot make the directory \(partial): \(reason())")
            }
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
