import Glibc

/// Makes the database's file and folder with their modes before SQLite would with the process's umask.
enum SQLiteFile {
    /// - Throws: ``StoreError`` `missing` where there is no file.
    static func find(_ path: String) throws(StoreError) {
        guard access(path, F_OK) != 0 else { return }
        throw StoreError(
            .missing,
            "there is no database at \(path) (\(String(cString: strerror(errno)))); knocknoc serve makes it when it is "
                + "first started")
    }

    /// - Throws: ``StoreError`` `configuration`.
    static func prepare(_ path: String) throws(StoreError) {
        guard path.hasPrefix("/") else {
            throw StoreError(.configuration, "sqlite: expected an absolute path, not \"\(path)\"")
        }
        let components = path.split(separator: "/")
        guard components.count >= 1 else { throw StoreError(.configuration, "sqlite: \"/\" is no file") }
        var folder = ""
        for component in components.dropLast() {
            folder += "/" + component
            if mkdir(folder, 0o700) != 0, errno != EEXIST {
                throw StoreError(
                    .configuration, "cannot make the folder \(folder): \(String(cString: strerror(errno)))")
            }
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.configuration, "cannot open the database \(path): \(String(cString: strerror(errno)))")
        }
        close(descriptor)
    }
}
