/// Whether this process may change the packet filter.
public enum NetworkCapability: Hashable, Sendable {
    case available
    /// Why not, and what to do.
    case unavailable(String)

    /// Asks the kernel by listing tables, which needs CAP_NET_ADMIN just as changing them does.
    public static func probe() -> NetworkCapability {
        do throws(EnforcementError) {
            try NFTablesLibrary().run("list tables")
            return .available
        } catch {
            return .unavailable(
                "the packet filter cannot be changed: \(error.message); run as root or with CAP_NET_ADMIN, on a kernel "
                    + "with nf_tables")
        }
    }
}
