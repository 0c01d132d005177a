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
    func refusal(_ backend: HAProxyBackend) -> String? {
        let (file, socket) = (backend.file, backend.socket)
        let parent = String(file.prefix(upTo: file.lastIndex(of: "/") ?? file.startIndex))
        guard parent == folder else {
            return "\(file): this host's agent writes HAProxy's lists in \(folder) only (HAProxyFolder)"
        }
        switch backend.list {
        case .map(let name), .acl(let name):
            guard name == file || name.first == "#" else {
                return "\(name): this host's agent changes lists of HAProxy in \(folder) only, by their own file "
                    + "(HAProxyFolder); the file named is \(file)"
            }
        }
        guard sockets.contains(where: { $0.hasSuffix("/") ? socket.hasPrefix($0) : socket == $0 }) else {
            return "\(socket) is not in HAProxySockets of this host's own configuration"
        }
        return nil
    }
}
