import KnocknocRelease

extension Server {
    /// This release's name, as logs and agents see it.
    public static let version = Release.version
}

extension Server {
    /// Makes a directory of mode 0700 with its parents; one that is there keeps its mode.
    ///
    /// - Throws: ``ServerError`` `files`.
    public static func makePrivateDirectory(_ path: String) throws(ServerError) {
        try PrivateFile.makeDirectory(path)
    }
}
