import KnocknocHAProxy
import KnocknocSystem

extension LoadBalancer {
    /// Takes a node out of the running HAProxy, or back in: one that drains keeps those that it has and gets nobody
    /// new. It stays so over reloads, until it is taken back in.
    ///
    /// - Throws: ``SystemError`` `missing` where there is no such node, or HAProxy does not run.
    public func drain(_ name: String, _ out: Bool) async throws {
        try Superuser.require("changes what HAProxy does")
        try await SystemFile(layout.configuration).locked {
            let draft = try draft(LoadBalancerChange())
            guard draft.before != nil, draft.plan.nodes.contains(where: { $0.name == name }) else {
                let known = draft.plan.nodes.map(\.name).joined(separator: ", ")
                throw SystemError(.missing, "there is no node \"\(name)\"; expected one of \(known)")
            }
            for backend in [HAProxyPart.pages, HAProxyPart.links] {
                let answer = try service.socket.ask("set server \(backend)/\(name) state \(out ? "drain" : "ready")")
                guard answer.allSatisfy(\.isWhitespace) else {
                    throw SystemError(.failed, "HAProxy: \(answer.split(separator: "\n").first ?? "")")
                }
            }
            try service.saveStates(layout, onlyDrained: true)
        }
        console.tell(
            out
                ? "\(name) gets nobody new; those that it has stay until they leave. Back again: --ready \(name)"
                : "\(name) gets its share again")
    }
}
