import KnocknocModel

extension Membership {
    /// What to cut when an address leaves a target: not what is let through as it was by another target.
    func cut(_ target: Target, _ address: IPAddress, at now: BootTime) -> Cut? {
        guard let proto = target.protocol else { return nil }
        let network = target.network(address)
        let (left, spared) = closed(target.ports, proto, to: network, of: target.gate, at: now)
        guard !left.isEmpty else { return nil }
        return Cut(
            source: network, protocol: proto, ports: left, gate: target.gate, spared: spared,
            socketsOnly: refuses(target, left))
    }

    /// All that the target names, whoever else lets it through; nil where it names no ports.
    func wholeCut(_ target: Target, _ address: IPAddress, at now: BootTime) -> Cut? {
        guard let proto = target.protocol, !target.ports.isEmpty else { return nil }
        let network = target.network(address)
        let closed = closed(target.ports, proto, to: network, of: .guards, at: now)
        let isOpen = closed.ports != target.ports || !closed.spared.isEmpty
        return Cut(
            source: network, protocol: proto, ports: target.ports, gate: target.gate,
            socketsOnly: !isOpen && refuses(target, target.ports), whole: true)
    }

    /// Whether a guard refuses every packet of whoever is let in by nothing, so that only sockets are left to end.
    private func refuses(_ target: Target, _ ports: Set<UInt16>) -> Bool {
        guard let proto = target.protocol else { return false }
        return target.isGuard && !isInherited && ports.isDisjoint(with: setPorts[proto] ?? [])
    }

    /// What is left of a cut when addresses may have been let in again since it was planned.
    func standing(_ cut: Cut, at now: BootTime) -> Cut? {
        guard !cut.whole else { return cut }
        var cut = cut
        (cut.ports, cut.spared) = closed(cut.ports, cut.protocol, to: cut.source, of: cut.gate, at: now)
        return cut.ports.isEmpty ? nil : cut
    }

    /// The ports on which nothing that covers the gate lets a network through, and those that are open to parts of it.
    private func closed(
        _ ports: Set<UInt16>, _ proto: TransportProtocol, to source: CIDR, of gate: Gate, at now: BootTime
    ) -> (ports: Set<UInt16>, spared: [Cut.Spared]) {
        var ports = ports
        var spared: Set<Cut.Spared> = []
        for other in targets.values
        where other.protocol == proto && !other.ports.isDisjoint(with: ports)
            && gate.isCovered(by: other.gate, source.address.family)
        {
            let around = other.network(source.address)
            if around.length <= source.length {
                if let deadline = members[other.id]?[around.address], deadline > now { ports.subtract(other.ports) }
            } else {
                for (address, deadline) in members[other.id] ?? [:] where deadline > now && source.contains(address) {
                    spared.insert(Cut.Spared(source: other.network(address), ports: other.ports))
                }
            }
        }
        return (ports, Array(spared))
    }

    /// Whether a flow that was cut may go on now that a target lets its source in anew: it must be one that this target
    /// let in, and everything else that may have let it in must be open too.
    func allows(_ key: FlowKey, cutAs flow: CutFlow, for target: Target, at now: BootTime) -> Bool {
        guard key.protocol == target.protocol, target.ports.contains(key.port) else { return false }
        let family = key.source.family
        let others = targets.values.filter { $0.protocol == key.protocol && $0.ports.contains(key.port) }
        // Nobody knows which of them it was.
        guard let gates = flow.gates else { return others.allSatisfy { target.gate.isSame(as: $0.gate, family) } }
        guard gates.contains(where: { target.gate.isSame(as: $0, family) }) else { return false }
        return gates.allSatisfy { gate in
            others.contains { other in
                guard gate.isSame(as: other.gate, family) else { return false }
                return members[other.id]?[other.network(key.source).address].map { $0 > now } ?? false
            }
        }
    }
}

extension Gate {
    fileprivate func isSame(as other: Gate, _ family: IPAddress.Family) -> Bool {
        self == .guards ? other == .guards : isCovered(by: other, family)
    }
}
