#if DEBUG
    import Glibc
#endif

/// The release after this one, for tests of upgrades: the same code with another name, a further version of the protocol,
/// and further migrations. A debug build becomes it by a file beside its executable; in a release build nothing reads
/// one, and this has no values (docs/decisions/0010).
struct FollowingRelease: Hashable {
    let version: String
    let protocolVersion: Int
    /// By path.
    let migrations: [String: String]
}

#if DEBUG
    extension FollowingRelease {
        /// Reads `EXECUTABLE.following`, where there is such a file.
        static func beside(executable link: String) -> FollowingRelease? {
            var buffer = [CChar](repeating: 0, count: 4097)
            let count = readlink(link, &buffer, buffer.count - 1)
            guard count > 0 else { return nil }
            let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return read(path + ".following").flatMap(FollowingRelease.init)
        }

        /// - Parameter text: `VERSION PROTOCOL` in the first line; then, for each migration, `== PATH` and its lines.
        init?(_ text: String) {
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
            let words = lines.popFirst()?.split(separator: " ") ?? []
            guard words.count == 2, let highest = Int(words[1]), highest >= 1 else { return nil }
            var migrations: [String: String] = [:]
            var path = ""
            for line in lines {
                if line.hasPrefix("== ") {
                    path = String(line.dropFirst(3))
                } else if !path.isEmpty {
                    migrations[path, default: ""] += line + "\n"
                }
            }
            self.init(version: String(words[0]), protocolVersion: highest, migrations: migrations)
        }

        private static func read(_ path: String) -> String? {
            guard let file = fopen(path, "re") else { return nil }
            defer { fclose(file) }
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = fread(&buffer, 1, buffer.count, file)
                guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
                bytes += buffer[..<count]
            }
        }
    }
#endif
