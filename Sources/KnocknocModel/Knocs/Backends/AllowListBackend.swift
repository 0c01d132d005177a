/// A list of addresses that other devices fetch.
public struct AllowListBackend: Hashable, Sendable {
    public var flows: FlowMatch?
    /// See ``Backend/ipv6Prefix``.
    public var ipv6Prefix: Int?

    public init(flows: FlowMatch? = nil) { self.flows = flows }

    func validated() throws(ModelError) -> AllowListBackend {
        AllowListBackend(flows: try flows?.validated())
    }

    var targetKey: String { "allow_list \(flows?.key ?? "-")" }
}
