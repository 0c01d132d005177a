import Foundation

/// What the disks of the lab's hosts start as: a minimal Debian that boots, made once and kept.
///
/// What a test installs is not in it. It lies in a local archive beside it, which is the only one that the image's apt
/// knows: so `apt-get install postgresql` does on a host without a network exactly what it does at a site.
public struct HostImage: Sendable {
    /// The Debian release, such as `bookworm`.
    public let release: String
    /// Where it lies, and nothing writes to it any more.
    let folder: String

    /// In every host from the beginning.
    static let installed = [
        // A host that boots and has a network.
        "systemd", "systemd-sysv", "dbus", "iproute2",
        // What a Debian installed from the usual medium has, and packages' scripts may count on.
        "apt-utils", "ca-certificates", "kmod", "less", "openssh-server", "procps", "netbase", "sudo",
        "locales", "perl", "python3",
        // With what tests look at a host, or drive it as its administrator does.
        "curl", "openssl", "nftables", "conntrack", "tmux",
    ]
    /// What our packages need, to be had on the hosts that they are for: of this computer's release and later ones.
    private static let libraries = [
        "libpq5", "libsodium23", "libsqlite3-0", "libnftables1", "libnftnl11", "libnetfilter-conntrack3", "libmnl0",
        "libipset13",
    ]
    /// In the hosts' archive, with all that they need.
    static func available(_ release: String) throws -> [String] {
        guard try release != AptSources.ownRelease() else {
            return [
                "postgresql", "haproxy", "pgbouncer", "nginx-light", "patroni", "etcd-server", "etcd-client",
                "ssl-cert",
            ] + libraries
        }
        return ["postgresql", "haproxy", "pgbouncer", "ssl-cert"] + libraries
    }
    /// Counted up when the making changes in a way that the lists above do not show.
    static let recipe = 1

    /// The folder that images are kept in.
    static let cache = ProcessInfo.processInfo.environment["KNOCKNOC_LAB_CACHE"] ?? "/var/cache/knocknoc-lab"

    /// The image of a release, made now if it is not there yet; that takes a minute or two.
    ///
    /// - Parameter release: this machine's own, unless told otherwise.
    public static func ready(_ release: String? = nil) async throws -> HostImage {
        let release = try release ?? AptSources.ownRelease()
        let sources = try await AptSources(release: release)
        let image = HostImage(
            release: release, folder: "\(cache)/\(release)-\(try await key(sources, available(release)))")
        if !FileManager.default.fileExists(atPath: image.folder) { try await image.make(sources) }
        return image
    }

    /// What keeps hosts of a release from being made here; empty where nothing does. Debian takes old releases off its
    /// mirrors.
    public static func obstacle(_ release: String) async throws -> String {
        let sources = try await AptSources(release: release)
        let folder = "\(cache)/\(release)-\(try await key(sources, available(release)))"
        if FileManager.default.fileExists(atPath: folder) { return "" }
        for line in sources.lines {
            let words = line.split(separator: " ")
            let list = "\(words[1])dists/\(words[2])/InRelease"
            guard try await Shell.run(["curl", "-sfI", "--max-time", "30", list]).status == 0 else {
                return "the mirror has no \(release) any more, or cannot be reached: \(list)"
            }
        }
        return ""
    }

    /// Another list makes another image.
    private static func key(_ sources: AptSources, _ available: [String]) async throws -> String {
        let text = ([String(recipe)] + installed + available + sources.lines).joined(separator: "\n")
        return String(try await Shell.check(["sha256sum"], input: text).text.prefix(12))
    }
}
