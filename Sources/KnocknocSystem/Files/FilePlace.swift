import Glibc

/// Where the kernel is to look for a file: a folder that is held open, and a name in it.
struct FilePlace {
    /// `AT_FDCWD` where the name is a path of its own.
    let folder: Int32
    let name: String

    /// Wherever the path leads at that moment.
    init(_ path: String) {
        folder = AT_FDCWD
        name = path
    }

    /// Goes from the root down without following a symbolic link, so that nobody who may change a folder on the way can
    /// have it lead elsewhere, whenever they do.
    ///
    /// - Parameter path: absolute, with no link in it when it was looked at.
    /// - Throws: ``SystemError`` `busy` where it has one by now, `failed` where a folder is gone.
    init(real path: String) throws(SystemError) {
        var names = path.split(separator: "/").map(String.init)
        name = names.popLast() ?? "."
        var (folder, way) = (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "")
        for next in names where folder >= 0 {
            way += "/" + next
            let below = openat(folder, next, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let code = errno
            Glibc.close(folder)
            errno = code
            folder = below
        }
        guard folder >= 0 else {
            let code = errno
            guard code != ENOTDIR else {
                throw SystemError(
                    .busy, "\(way) was a folder and has become something else this moment; \(path) is left alone")
            }
            throw SystemError(
                code == EACCES || code == EPERM ? .notAllowed : .failed,
                "looking for \(path): \(String(cString: strerror(code)))")
        }
        self.folder = folder
    }

    func close() { if folder >= 0 { Glibc.close(folder) } }
}
