/// A package of this machine's distribution.
public enum DebianPackage {
    public static func isInstalled(_ name: String) async throws -> Bool {
        let output = try await Command.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name])
        return output.succeeded && output.text.hasPrefix("ii")
    }

    /// Installs what is missing of these, without a question and without starting over what is there. A signal waits
    /// until that is done: a package that is half installed is in everybody's way.
    ///
    /// - Returns: the names of those that were missing.
    @discardableResult
    public static func install(_ names: [String]) async throws -> [String] {
        var missing: [String] = []
        for name in names {
            let isThere = try await isInstalled(name)
            if !isThere { missing.append(name) }
        }
        guard !missing.isEmpty else { return [] }
        let wanted = missing
        try await Interruption.guarded {
            try await install(missing: wanted)
            try Interruption.check()
        }
        return missing
    }

    private static func install(missing: [String]) async throws {
        let quiet = ["DEBIAN_FRONTEND": "noninteractive"]
        let install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"] + missing
        let first = try await Command.run(install, environment: quiet)
        if first.succeeded { return }
        try await Command.check("reading the package lists", ["apt-get", "update", "-q"], environment: quiet)
        try await Command.check("installing \(missing.joined(separator: ", "))", install, environment: quiet)
    }
}
