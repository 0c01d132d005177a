public import ServiceLifecycle

/// Ends what has expired and clears away what nobody needs; every node runs one, and it does no harm twice.
public struct Sweeper: Service {
    let access: Access

    public init(access: Access) { self.access = access }

    public func run() async throws {}
}
