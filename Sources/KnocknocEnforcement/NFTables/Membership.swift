import KnocknocModel

/// Who is to be open where: targets, their members, and what several targets on one kernel set amount to.
struct Membership {
    struct Target: Hashable {
        var id: TargetID
        var sets: [IPAddress.Family: ElementSet]
        /// Where an address is put when its access has ended.
        var blocks: [IPAddress.Family: ElementSet] = [:]
        var gate: Gate
        var `protocol`: TransportProtocol?
        var ports: Set<UInt16>
        /// How many leading bits of an IPv6 address stand for one client; nil is all.
        var ipv6Prefix: Int?

        /// - Returns: nil for a backend that has neither sets nor flows here, or breaks the model's rules: its names
        ///   enter commands.
        init?(_ definition: TargetDefinition) {
            guard let backend = try? definition.backend.asGiven.validated() else { return nil }
            id = definition.id
            ipv6Prefix = backend.ipv6Prefix
            let prefix = backend.ipv6Prefix
            switch backend {
            case .nftablesGuard(let value):
                let name = GuardName(id)
                sets = [.v4: .table(name.set(.v4)), .v6: .table(name.set(.v6))]
                gate = .guards
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
                gate = .sets(sets)
                `protocol` = value.protocol
                ports = Set(value.ports ?? [])
            // Another enforcer lets members in; only their flows are known and ended here.
            case .haproxy(let value):
                guard let flows = value.flows else { return nil }
                (sets, gate) = ([:], .proxy(ProxyList(value)))
                (`protocol`, ports) = (flows.protocol, Set(flows.ports))
            case .script(let value):
                guard let flows = value.flows else { return nil }
                (sets, gate) = ([:], .script(ScriptLane.Key(value)))
                (`protocol`, ports) = (flows.protocol, Set(flows.ports))
            case .allowList(let value):
                guard let flows = value.flows else { return nil }
                (sets, gate) = ([:], .allowList(definition.backend.list))
                (`protocol`, ports) = (flows.protocol, Set(flows.ports))
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
                gate = .sets(sets)
                `protocol` = value.flows?.protocol
                ports = Set(value.flows?.ports ?? [])
            case .dryRun, .unknown:
                return nil
            }
        }

        var isGuard: Bool { gate == .guards }

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
    }

    private(set) var targets: [TargetID: Target] = [:]
    private(set) var members: [TargetID: [IPAddress: BootTime]] = [:]
    private var users: [ElementSet: Set<TargetID>] = [:]
    /// Places in sets of blocked addresses, until when; one that is let in again is not there meanwhile.
    private(set) var blocked: [Element: BootTime] = [:]
    private var blockedAfterPruning = 64
    /// Ports that a set of the administrator's was ever used for: no guard's drop can be relied on to end its flows.
    private(set) var setPorts: [TransportProtocol: Set<UInt16>] = [:]
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
}
