public import Foundation

/// What this machine can do, and where things are.
public enum Lab {
    /// Whatever the lab makes outside of its folders begins with this, so that it can be found and removed.
    public static let prefix: String =
        ProcessInfo.processInfo.environment["KNOCKNOC_LAB_PREFIX"]
        ?? "k" + String(UInt32.random(in: 0x10000...0xfffff), radix: 16)

    /// The folder that pictures of pages for the documents are written to, where they are wanted.
    public static let pictures = ProcessInfo.processInfo.environment["KNOCKNOC_PICTURES"]

    /// Where the executables under test are: `KNOCKNOC_BIN`, else the folder of the test bundle.
    public static let executables: URL = {
        if let given = ProcessInfo.processInfo.environment["KNOCKNOC_BIN"] {
            return URL(fileURLWithPath: given, isDirectory: true)
        }
        let arguments = [ProcessInfo.processInfo.arguments.first ?? "", Bundle.main.bundlePath]
        let folders =
            arguments.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
            + [URL(fileURLWithPath: FileManager.default.currentDirectoryPath + "/.build/debug", isDirectory: true)]
        return folders.first { has($0.appendingPathComponent("knocknoc").path) } ?? folders[2]
    }()

    public static func executable(_ name: String) -> String { executables.appendingPathComponent(name).path }

    /// What keeps whole-system tests from running here; empty where nothing does.
    public static let obstacle: String = {
        if getuid() != 0 { return "not root, and network namespaces need it" }
        for tool in ["/sbin/ip", "/usr/sbin/nft", "/usr/bin/python3", "/usr/bin/curl", "/usr/bin/openssl"]
        where !has(tool) {
            return "\(tool) is not installed"
        }
        for name in ["knocknoc", "knocknoc-agent"] where !has(executable(name)) {
            return "\(executable(name)) has not been built"
        }
        let probe = prefix + "probe"
        guard Shell.blocking(["ip", "netns", "add", probe]) == 0 else { return "network namespaces are not permitted" }
        defer { _ = Shell.blocking(["ip", "netns", "del", probe]) }
        guard Shell.blocking(["ip", "netns", "exec", probe, "nft", "add", "table", "inet", "probe"]) == 0 else {
            return "nftables is not permitted in a namespace"
        }
        return ""
    }()

    public static let canRun = obstacle.isEmpty

    /// Postgres's programs, of the newest version installed.
    public static let postgres: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap(Int.init).max().map { "\(root)/\($0)/bin" }
        return newest.flatMap { has($0 + "/initdb") ? $0 : nil }
    }()

    /// A folder of its own that only root can read; the caller removes it.
    public static func temporaryFolder(
        _ name: String, readable: Bool = false, in place: String = "/var/tmp"
    ) throws -> URL {
        let id = String(UInt32.random(in: .min ... .max), radix: 36)
        let folder = URL(fileURLWithPath: "\(place)/\(prefix)-\(name)-\(id)", isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: readable ? 0o755 : 0o700])
        return folder
    }

    private static func has(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }
}
