public import KnocknocModel

/// What this host allows, and whose clocks count.
public struct HAProxyOptions: Sendable {
    /// The one folder in which lists' files are written.
    public var folder: String
    /// Runtime sockets that may be spoken to; one that ends with `/` stands for all in that folder.
    public var sockets: [String]
    /// This machine's CLOCK_BOOTTIME.
    public var clock: @Sendable () -> BootTime
    /// This machine's CLOCK_REALTIME, by which HAProxy compares, in milliseconds since 1970.
    public var wall: @Sendable () -> Int64

    /// How often HAProxy is asked which process answers.
    var watchInterval = Duration.seconds(1)

    public static let standardSockets = ["/run/haproxy/"]

    public init(
        folder: String, sockets: [String] = Self.standardSockets,
        clock: @escaping @Sendable () -> BootTime = BootClock.now,
        wall: @escaping @Sendable () -> Int64 = BootClock.wall
    ) {
        self.folder = folder
        self.sockets = sockets
        self.clock = clock
        self.wall = wall
    }

    /// Why a target is beyond what this host allows; nil where it is not.
    func refusal(_ list: ProxyList) -> String? {
        let parent = String(list.file.prefix(upTo: list.file.lastIndex(of: "/") ?? list.file.startIndex))
        guard parent == folder else {
            return "\(list.file): this host's agent writes HAProxy's lists in \(folder) only (HAProxyFolder)"
        }
        guard sockets.contains(where: { $0.hasSuffix("/") ? list.socket.hasPrefix($0) : list.socket == $0 }) else {
            return "\(list.socket) is not in HAProxySockets of this host's own configuration"
        }
        return nil
    }
}
