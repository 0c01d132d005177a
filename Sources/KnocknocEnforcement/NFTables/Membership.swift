import KnocknocModel

/// Who is to be open where: targets, their members, and what several targets on one kernel set amount to.
struct Membership {
    struct Target: Hashable {
        var id: TargetID
        var sets: [IPAddress.Family: ElementSet]
        /// Where an address is put when its access has ended.
        var blocks: [IPAddress.Family: ElementSet] = [:]
        var isGuard: Bool
        var `protocol`: TransportProtocol?
        var ports: Set<UInt16>
        /// How many leading bits of an IPv6 address stand for one client; nil is all.
        var ipv6Prefix: Int?

        /// - Returns: nil for a backend that has neither sets nor flows here, or breaks the model's rules: its names
        ///   enter commands.
        init?(_ definition: TargetDefinition) {
            guard let backend = try? definition.backend.validated() else { return nil }
            id = definition.id
            ipv6Prefix = backend.ipv6Prefix
            let prefix = backend.ipv6Prefix
            switch backend {
            case .nftablesGuard(let value):
                let name = GuardName(id)
                sets = [.v4: .table(name.set(.v4)), .v6: .table(name.set(.v6))]
                isGuard = true
                `protocol` = value.protocol
                ports = Set(value.ports)
            case .nftablesSet(let value):
                sets = [:]
                for (family, name) in [(IPAddress.Family.v4, value.ipv4), (.v6, value.ipv6)] {
                    sets[family] = name.map {
                        ElementSet(
                            family: value.family, table: value.table, name: $0, addresses: family, isOurs: false)
                    }
                }
                isGuard = false
                `protocol` = value.protocol
                ports = Set(value.ports ?? [])
            case .haproxy, .script, .allowList:
                // Another enforcer lets members in; only their flows are known and ended here.
                guard let flows = backend.flows else { return nil }
                sets = [:]
                isGuard = false
                `protocol` = flows.protocol
                ports = Set(flows.ports)
            case .ipset(let value):
                (sets, blocks) = ([:], [:])
                for (family, name, block) in [
                    (IPAddress.Family.v4, value.ipv4, value.blockIPv4), (.v6, value.ipv6, value.blockIPv6),
                ] {
                    let length = family == .v6 ? prefix : nil
                    sets[family] = name.map { .ipset(IPSet(name: $0, addresses: family, prefix: length)) }
                    blocks[family] = block.map {
                        .ipset(IPSet(name: $0, addresses: family, prefix: length, blocks: true))
                    }
                }
                isGuard = false
                `protocol` = value.flows?.protocol
                ports = Set(value.flows?.ports ?? [])
            case .dryRun, .unknown:
                return nil
            }
        }

        /// Whether only its flows are looked after here.
        var hasFlowsOnly: Bool { sets.isEmpty }

        /// Whether an address of this family can be a member.
        func takes(_ address: IPAddress) -> Bool { hasFlowsOnly || sets[address.family] != nil }

        /// Who comes in with the address.
        func network(_ address: IPAddress) -> CIDR { CIDR(address, ipv6Prefix: ipv6Prefix) }

        func element(_ address: IPAddress) -> Element? {
            sets[address.family].map { Element(set: $0, address: address) }
        }

        /// Where the address is put when its access has ended; nil where nowhere.
        func block(_ address: IPAddress) -> Element? {
            blocks[address.family].map { Element(set: $0, address: address) }
        }

        fileprivate var everySet: [ElementSet] { Array(sets.values) + blocks.values }

        /// All that the target names, whoever else lets it through; nil where it names no ports.
        func wholeCut(_ address: IPAddress) -> Cut? {
            guard let `protocol`, !ports.isEmpty else { return nil }
            return Cut(
                source: network(address), protocol: `protocol`, ports: ports, socketsOnly: false, whole: true)
        }
    }

    private(set) var targets: [TargetID: Target] = [:]
    private(set) var members: [TargetID: [IPAddress: BootTime]] = [:]
    private var users: [ElementSet: Set<TargetID>] = [:]
    /// Places in sets of blocked addresses, until when; one that is let in again is not there meanwhile.
    private(set) var blocked: [Element: BootTime] = [:]
    private var blockedAfterPruning = 64
    /// Ports that a set of the administrator's was ever used for: no guard's drop can be relied on to end its flows.
    private var setPorts: [TransportProtocol: Set<UInt16>] = [:]
    /// Whether an agent was here before this one: then any port may have been a set's.
    var isInherited = false

    mutating func add(_ target: Target) {
        if let old = targets[target.id] { for set in old.everySet { users[set]?.remove(target.id) } }
        targets[target.id] = target
        if !target.isGuard, let proto = target.protocol { setPorts[proto, default: []].formUnion(target.ports) }
        for set in target.everySet { users[set, default: []].insert(target.id) }
    }

    /// Forgets a target.
    ///
    /// - Returns: the members that it had.
    @discardableResult
    mutating func remove(_ id: TargetID) -> [IPAddress: BootTime] {
        if let old = targets.removeValue(forKey: id) { for set in old.everySet { users[set]?.remove(id) } }
        return members.removeValue(forKey: id) ?? [:]
    }

    /// - Parameter deadline: nil for one that is no member any more.
    mutating func set(_ id: TargetID, _ address: IPAddress, _ deadline: BootTime?) {
        members[id, default: [:]][address] = deadline
    }

    mutating func replace(_ id: TargetID, with addresses: [IPAddress: BootTime]) { members[id] = addresses }

    func element(_ id: TargetID, _ address: IPAddress) -> Element? {
        targets[id]?.element(address)
    }

    func isUsed(_ set: ElementSet) -> Bool { users[set]?.isEmpty == false }

    /// - Parameter now: what has ended by then is forgotten.
    mutating func block(_ element: Element, until deadline: BootTime, now: BootTime) {
        blocked[element] = deadline
        guard blocked.count > 2 * blockedAfterPruning else { return }
        blocked = blocked.filter { $0.value > now }
        blockedAfterPruning = max(64, blocked.count)
    }

    /// The latest deadline that any target gives this element; of a blocked address, unless a target lets it in.
    func deadline(of element: Element) -> BootTime? {
        if element.set.blocks {
            let isMember = users[element.set]?.contains { members[$0]?[element.address] != nil } ?? false
            return isMember ? nil : blocked[element]
        }
        return (users[element.set] ?? []).compactMap { members[$0]?[element.address] }.max()
    }

    /// Every element of a set that somebody wants, with its deadline.
    func elements(of set: ElementSet) -> [IPAddress: BootTime] {
        var result: [IPAddress: BootTime] = [:]
        if set.blocks {
            for element in blocked.keys where element.set == set {
                result[element.address] = deadline(of: element)
            }
            return result
        }
        for id in users[set] ?? [] {
            for (address, deadline) in members[id] ?? [:] where address.family == set.addresses {
                result[address] = max(deadline, result[address] ?? deadline)
            }
        }
        return result
    }

    /// The first moment at which somebody's access ends.
    var nextDeadline: BootTime? { members.values.compactMap { $0.values.min() }.min() }

    /// Removes members whose time is up.
    mutating func expire(at now: BootTime) -> [(target: TargetID, address: IPAddress)] {
        var gone: [(target: TargetID, address: IPAddress)] = []
        for (id, addresses) in members {
            for (address, deadline) in addresses where deadline <= now {
                members[id]?[address] = nil
                gone.append((id, address))
            }
        }
        return gone
    }

    /// What is left of a cut when addresses may have been let in again since it was planned.
    func standing(_ cut: Cut, at now: BootTime) -> Cut? {
        guard !cut.whole else { return cut }
        var cut = cut
        (cut.ports, cut.spared) = closed(cut.ports, cut.protocol, to: cut.source, at: now)
        return cut.ports.isEmpty ? nil : cut
    }

    /// The ports that no target lets a network through to, and those that are open to parts of it.
    private func closed(
        _ ports: Set<UInt16>, _ proto: TransportProtocol, to source: CIDR, at now: BootTime
    ) -> (ports: Set<UInt16>, spared: [Cut.Spared]) {
        var ports = ports
        var spared: Set<Cut.Spared> = []
        for other in targets.values where other.protocol == proto && !other.ports.isDisjoint(with: ports) {
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

    /// What to cut when an address leaves a target: not what another target still lets through.
    func cut(_ target: Target, _ address: IPAddress, at now: BootTime) -> Cut? {
        guard let proto = target.protocol else { return nil }
        let (left, spared) = closed(target.ports, proto, to: target.network(address), at: now)
        guard !left.isEmpty else { return nil }
        let socketsOnly = target.isGuard && !isInherited && left.isDisjoint(with: setPorts[proto] ?? [])
        return Cut(
            source: target.network(address), protocol: proto, ports: left, spared: spared, socketsOnly: socketsOnly)
    }
}
