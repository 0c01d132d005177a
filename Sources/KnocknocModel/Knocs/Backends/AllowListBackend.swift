/// A list of addresses that other devices fetch.
public struct AllowListBackend: Hashable, Sendable {
    public var flows: FlowMatch?

    public init(flows: FlowMatch? = nil) { self.flows = flows }

    func validated() throws(ModelError) -> AllowListBackend {
        AllowListBackend(flows: try flows?.validated())
    }

    var targetKey: String { "allow_list \(flows?.key ?? "-")" }
}
