import Glibc

extension AgentConfiguration {
    /// The copies that systemd makes of files that are root's alone (LoadCredential=); a credential may be empty.
    ///
    /// - Parameter folder: the service's `$CREDENTIALS_DIRECTORY`.
    /// - Returns: the path to read instead of `path`, which is itself where there is no such copy.
    public static func credential(for path: String, in folder: String?) -> String {
        guard let folder, [standardFile, standardTokenFile].contains(path), let name = path.split(separator: "/").last
        else { return path }
        var status = stat()
        let copy = "\(folder)/\(name)"
        return stat(copy, &status) == 0 && status.st_size > 1 ? copy : path
    }

    /// Reads a configuration file.
    ///
    /// - Returns: nil where it is not there and not required.
    /// - Throws: ``AgentError`` naming the path and the system's reason.
    public static func readFile(_ path: String, required: Bool) throws(AgentError) -> String? {
        if !required, !FileText.exists(path) { return nil }
        do throws(AgentError) { return try FileText.read(path, limit: 1 << 20) } catch {
            throw AgentError(.configuration, "--config: \(error.message)")
        }
    }

    /// Reads a token: the first line of a file, of a descriptor (`/dev/fd/N`), or of standard input (`-`), of which
    /// not a byte more is taken, so that the rest may serve as the supervisor's pipe.
    public static func readToken(_ path: String) throws(AgentError) -> String {
        let descriptor: Int32 = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw AgentError(.file, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < 1024 {
            let count = read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw AgentError(.file, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 || byte == UInt8(ascii: "\n") { break }
            line.append(byte)
        }
        let text = String(decoding: line, as: UTF8.self)
        let end = text.reversed().drop(while: \.isWhitespace)
        return String(String(end.reversed()).drop(while: \.isWhitespace))
    }

    /// Files of secrets that others on this machine can read, to be warned of.
    public static func exposed(_ paths: [String]) -> [String] { paths.filter(FileText.isExposed) }
}

extension AgentConfiguration {
    /// Ports that no server may guard: the administrator's own, this agent's health port, and those of servers on
    /// this machine, without which nobody could be let in again.
    ///
    /// A server's name that cannot be resolved within two seconds counts as another machine's.
    public func protectedPorts() async -> [UInt16] {
        var own = [healthListen?.port]
        for server in servers where await OwnHost.answers(to: server) { own.append(server.port) }
        return neverGuard + own.compactMap { $0 }.compactMap(UInt16.init(exactly:)).filter { $0 > 0 }
    }
}
