/// A map or an access list of a HAProxy on the agent's machine, changed through its runtime socket.
public struct HAProxyBackend: Hashable, Sendable {
    public enum List: Hashable, Sendable {
        /// Address → moment of expiry, by the name that HAProxy knows the map by: it ends access by itself.
        case map(String)
        /// Addresses alone, by its name or number (`#101`): the agent ends access.
        case acl(String)
    }

    /// The runtime socket, an absolute path; HAProxy gives it to the agent's group (`mode 660 level admin`).
    public var socket: String
    public var list: List
    /// The file from which HAProxy reads the list when it starts; the agent writes it before it speaks to the socket.
    public var file: String
    public var flows: FlowMatch?
    /// See ``Backend/ipv6Prefix``.
    public var ipv6Prefix: Int?

    public init(socket: String, list: List, file: String, flows: FlowMatch? = nil) {
        self.socket = socket
        self.list = list
        self.file = file
        self.flows = flows
    }

    func validated() throws(ModelError) -> HAProxyBackend {
        try checkPath(socket, "haproxy.socket")
        try checkPath(file, "haproxy.file")
        switch list {
        case .map(let name): try checkListName(name, "haproxy.map")
        case .acl(let name): try checkListName(name, "haproxy.acl")
        }
        var result = self
        result.flows = try flows?.validated()
        return result
    }

    var targetKey: String {
        switch list {
        case .map(let name): "haproxy \(socket) map=\(name) \(file) \(flows?.key ?? "-")"
        case .acl(let name): "haproxy \(socket) acl=\(name) \(file) \(flows?.key ?? "-")"
        }
    }

    /// `#NUMBER`, or a file's path: nothing else enters a command of the runtime socket.
    private func checkListName(_ name: String, _ field: String) throws(ModelError) {
        if name.first == "#" {
            guard let number = UInt32(name.dropFirst()), String(number) == name.dropFirst() else {
                throw ModelError(.invalidIdentifier, "\(field): \"\(name)\" is not a number; expected such as #101")
            }
        } else {
            try checkPath(name, field)
        }
    }
}
