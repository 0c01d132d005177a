/// A list of addresses that other devices fetch.
public struct AllowListBackend: Hashable, Sendable {
    public var flows: FlowMatch?
    /// See ``Backend/ipv6Prefix``.
    public var ipv6Prefix: Int?
    /// What whoever serves the list needs to know; nil where an administrator speaks.
    public var service: AllowListService?

    public init(flows: FlowMatch? = nil, service: AllowListService? = nil) {
        self.flows = flows
        self.service = service
    }

    func validated() throws(ModelError) -> AllowListBackend {
        guard service == nil else {
            throw ModelError(.invalidBackend, "allow_list: takes no fields; the server knows its address and its keys")
        }
        return AllowListBackend(flows: try flows?.validated())
    }

    var targetKey: String { "allow_list \(flows?.key ?? "-")" }
}

extension Backend {
    /// The same as an administrator would write it.
    public var asGiven: Backend {
        guard case .allowList(var list) = self else { return self }
        list.service = nil
        return .allowList(list)
    }
}
