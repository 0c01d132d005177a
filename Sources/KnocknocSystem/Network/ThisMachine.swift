import Glibc
public import KnocknocModel

/// What a configuration has to know of the machine that it is for.
public enum ThisMachine {
    public static var hasIPv6: Bool { access("/proc/net/if_inet6", R_OK) == 0 }

    public static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What a certificate of this machine's is for.
    public static var names: [String] {
        let addresses = OwnAddresses.networks().map(\.address).filter { !$0.isLoopback && !$0.isLinkLocal }
        return [hostName] + addresses.map(\.description)
    }

    /// The address that `endpoint` sees us come from; nil where no route leads there or its name is unknown.
    public static func source(toward endpoint: HostPort) -> IPAddress? {
        let addresses = endpoint.host == "localhost" ? [.v4(0x7f00_0001)] : OwnAddresses.resolve(endpoint.host)
        return addresses.first.flatMap { OwnAddresses.source(towards: $0) }
    }
}
