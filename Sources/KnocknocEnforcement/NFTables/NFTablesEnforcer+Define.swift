public import KnocknocModel
import Logging

extension NFTablesEnforcer {
    public func define(_ targets: [TargetDefinition]) async -> [TargetID: Outcome] { await defineNow(targets) }

    func defineNow(_ definitions: [TargetDefinition]) async -> [TargetID: Outcome] {
        let kernel: Kernel
        do throws(EnforcementError) { kernel = try self.kernel() } catch {
            return Dictionary(definitions.map { ($0.id, .failed(error.message)) }) { first, _ in first }
        }
        let byHand = acceptUnguarding((try? kernel.listing()) ?? nil)
        var failures: [TargetID: EnforcementError] = [:]
        var change = GuardChange(guards: guards, marks: marks, onTrial: onTrial, removed: Set(byHand))
        let letIn = Set(definitions.flatMap { Membership.Target($0)?.sets.values.map(\.name) ?? [] })
        for definition in definitions {
            // What a server sends is checked here too: its names enter commands.
            do throws(ModelError) { _ = try definition.backend.asGiven.validated() } catch {
                failures[definition.id] = EnforcementError(.refused, error.message)
                continue
            }
            switch definition.backend {
            case .nftablesGuard(let value):
                failures[definition.id] = refusal(definition, value, change.marks)
                guard failures[definition.id] == nil else { continue }
                do throws(EnforcementError) { try change.take(definition, value) } catch {
                    failures[definition.id] = error
                }
            case .nftablesSet, .ipset:
                if definition.purpose == .enforce {
                    failures[definition.id] = check(definition, letIn, kernel)
                }
            case .haproxy, .script, .allowList:
                break
            case .dryRun, .unknown:
                failures[definition.id] = EnforcementError(.refused, "not a target of the packet filter")
            }
        }
        let kept = Set(definitions.filter { $0.purpose == .enforce && failures[$0.id] == nil }.map(\.id))
        let left = release(except: kept)
        let keptNames = Set(kept.map { GuardName($0) })
        let emptied = guards.keys.filter { !keptNames.contains($0) && change.guards[$0] != nil }
        var full: Set<GuardName> = []
        for (id, error) in install(change, definitions, emptying: emptied, &full, kernel) { failures[id] = error }
        for definition in definitions where definition.purpose == .enforce {
            if let target = Membership.Target(definition), failures[definition.id] == nil { membership.add(target) }
        }
        // What is in force is settled before flows are looked for, while which others may work here.
        refusals = failures
        saveSkeleton()
        for definition in definitions where definition.purpose != .enforce {
            if let target = Membership.Target(definition), !target.isGuard, failures[definition.id] == nil {
                failures[definition.id] = await empty(target, kernel)
                refusals[definition.id] = failures[definition.id]
            }
        }
        if let error = await remove(left, full, kernel) {
            logger.error("members of targets that are gone", metadata: ["reason": "\(error.message)"])
        }
        if let skeletonFailure {
            scheduleRetry()
            for definition in definitions
            where definition.backend.isGuard && failures[definition.id] == nil
                && !onTrial.contains(GuardName(definition.id))
            {
                let what = definition.purpose == .unguard ? "taken away" : "in force"
                failures[definition.id] = EnforcementError(
                    .unavailable, "\(what), but not saved for the next boot: \(skeletonFailure.message)")
            }
        }
        return Dictionary(
            definitions.map { ($0.id, failures[$0.id].map { .failed($0.message) } ?? .applied) }
        ) { first, _ in first }
    }

    private func refusal(
        _ definition: TargetDefinition, _ value: NFTablesGuard, _ marks: Set<GuardName>
    ) -> EnforcementError? {
        guard definition.purpose == .enforce else { return nil }
        if marks.contains(GuardName(definition.id)) {
            return EnforcementError(.refused, Self.takenAway)
        }
        if let port = value.ports.first(where: options.neverGuard.contains) {
            return EnforcementError(.refused, "port \(port) is in NeverGuard of this host's own configuration")
        }
        let local = LocalAddresses.read()
        let toThisHost =
            !value.forward || value.destinations.isEmpty
            || value.destinations.contains { network in local.contains { network.contains($0) } }
        let taken = toThisHost ? LocalPorts.unreserved(value.ports) : []
        guard let first = taken.first else { return nil }
        let list = taken.map(String.init).joined(separator: ",")
        return EnforcementError(
            .refused,
            "port \(first) is one that this host gives to its own outgoing connections, whose answers the guard would "
                + "drop; reserve it first with net.ipv4.ip_local_reserved_ports = \(list) (sysctl, added to what is "
                + "there)")
    }

    /// - Parameter letIn: the names of all sets whose members are let in.
    private func check(
        _ definition: TargetDefinition, _ letIn: Set<String>, _ kernel: Kernel
    ) -> EnforcementError? {
        guard let target = Membership.Target(definition) else { return nil }
        do throws(EnforcementError) {
            let sets = Array(target.sets.values) + target.blocks.values
            for set in sets.sorted(by: { $0.name < $1.name }) {
                if set.blocks, letIn.contains(set.name) {
                    throw EnforcementError(
                        .refused, "set \(set): it is to hold those whose access has ended, but lets its members in")
                }
                try kernel.check(set, creating: options.createSets)
                if set.blocks, !membership.isUsed(set) { try adoptBlocked(set, kernel) }
            }
            return nil
        } catch {
            return error
        }
    }

    /// Whoever an earlier agent put there stays there for the rest of the time.
    private func adoptBlocked(_ set: ElementSet, _ kernel: Kernel) throws(EnforcementError) {
        let now = clock()
        try kernel.read(set) { found in
            guard found.isOurs, let address = IPAddress(bytes: found.key), let left = found.expiration else { return }
            membership.block(Element(set: set, address: address), until: now.adding(milliseconds: left), now: now)
        }
    }

    /// Forgets the targets that are not kept.
    private func release(except kept: Set<TargetID>) -> [(Membership.Target, [IPAddress])] {
        membership.targets.values.filter { !kept.contains($0.id) }.map { target in
            (target, Array(membership.remove(target.id).keys))
        }
    }

    /// One transaction for all; where the kernel refuses it, each guard that is new on its own.
    private func install(
        _ change: GuardChange, _ definitions: [TargetDefinition], emptying emptied: [GuardName],
        _ full: inout Set<GuardName>, _ kernel: Kernel
    ) -> [TargetID: EnforcementError] {
        let before = (guards, marks, onTrial)
        intact = nil
        (guards, marks, onTrial) = (change.guards, change.marks, change.onTrial)
        let tail =
            OwnTable.removing(change.removed.sorted())
            + emptied.flatMap { name in IPAddress.Family.allCases.map { "flush set \(name.set($0))\n" } }.joined()
            + change.unmarked.map { "delete chain inet \(OwnTable.name) \($0.mark)\n" }.joined()
        let first: EnforcementError
        do throws(EnforcementError) {
            try kernel.library.run(table.commands + tail)
            return [:]
        } catch {
            first = error
        }
        (guards, marks, onTrial) = before
        var failures: [TargetID: EnforcementError] = [:]
        for definition in definitions where definition.backend.isGuard {
            let name = GuardName(definition.id)
            if guards[name] == change.guards[name], !change.removed.contains(name) {
                onTrial = change.onTrial.contains(name) ? onTrial.union([name]) : onTrial.subtracting([name])
                continue
            }
            failures[definition.id] = install(name, change, kernel)
        }
        for name in change.removed where !definitions.contains(where: { GuardName($0.id) == name }) {
            if let error = install(name, change, kernel) { report(name, error) }
        }
        for name in emptied {
            for family in IPAddress.Family.allCases {
                do throws(EnforcementError) { try kernel.library.run("flush set \(name.set(family))\n") } catch {
                    guard error.code != .missing else { continue }
                    full.insert(name)
                    report(name, error)
                    for definition in definitions where GuardName(definition.id) == name {
                        failures[definition.id] = failures[definition.id] ?? error
                    }
                }
            }
        }
        if failures.isEmpty { logger.warning("guards in one step", metadata: ["reason": "\(first.message)"]) }
        return failures
    }

    /// One guard by itself: its rules, or taken away with its mark.
    private func install(_ name: GuardName, _ change: GuardChange, _ kernel: Kernel) -> EnforcementError? {
        let before = (guards, marks, onTrial)
        guards[name] = change.guards[name]
        if change.marks.contains(name) { marks.insert(name) } else { marks.remove(name) }
        if change.onTrial.contains(name) { onTrial.insert(name) } else { onTrial.remove(name) }
        let removing = change.removed.contains(name) ? OwnTable.removing([name]) : ""
        let mark = "chain inet \(OwnTable.name) \(name.mark)\n"
        let unmarking = change.unmarked.contains(name) ? "add \(mark)delete \(mark)" : ""
        do throws(EnforcementError) {
            try kernel.library.run(table.commands + removing + unmarking)
            return nil
        } catch {
            (guards, marks, onTrial) = before
            return error
        }
    }

    private func report(_ name: GuardName, _ error: EnforcementError) {
        logger.error("a guard", metadata: ["guard": "\(name.text)", "reason": "\(error.message)"])
    }

    /// - Parameter full: guards whose sets could not be emptied at once: their members are taken out one by one.
    private func remove(
        _ left: [(Membership.Target, [IPAddress])], _ full: Set<GuardName>, _ kernel: Kernel
    ) async -> EnforcementError? {
        var closings: [ClosingKey: Membership.Target] = [:]
        var emptied: Set<ElementSet> = []
        for (target, addresses) in left {
            if target.isGuard, !full.contains(GuardName(target.id)) { emptied.formUnion(target.sets.values) }
            for address in addresses {
                closings[ClosingKey(target: target.id, address: address, kind: .leave)] = target
            }
        }
        return await close(closings, handled: emptied, kernel).values.first
    }

    /// Removes all elements of ours that nobody else wants from a target's sets.
    private func empty(_ target: Membership.Target, _ kernel: Kernel) async -> EnforcementError? {
        var found: [Element] = []
        do throws(EnforcementError) {
            for set in target.sets.values {
                try kernel.read(set) { item in
                    guard item.isOurs, let address = IPAddress(bytes: item.key) else { return }
                    found.append(Element(set: set, address: address))
                }
            }
        } catch {
            return error.code == .missing ? nil : error
        }
        var closings: [ClosingKey: Membership.Target] = [:]
        for element in found {
            closings[ClosingKey(target: target.id, address: element.address, kind: .leave)] = target
        }
        return await close(closings, kernel).values.first
    }

    func saveSkeleton() {
        guard let path = options.skeletonPath else { return }
        var table = self.table
        table.guards.removeAll { onTrial.contains($0.name) }
        let text = SkeletonFile.render(table)
        guard text != writtenSkeleton else {
            skeletonFailure = nil
            return
        }
        do throws(EnforcementError) {
            try SkeletonFile(path).write(text)
            writtenSkeleton = text
            skeletonFailure = nil
        } catch {
            skeletonFailure = error
            logger.error(
                "guards could not be saved: after a restart of this host they are open until the agent runs",
                metadata: ["reason": "\(error.message)"])
        }
    }
}

/// The guards as they are to be.
struct GuardChange {
    var guards: [GuardName: GuardRules]
    var marks: Set<GuardName>
    var onTrial: Set<GuardName>
    var removed: Set<GuardName> = []
    /// Guards of which the server now says too what was done by hand.
    var unmarked: Set<GuardName> = []

    mutating func take(_ definition: TargetDefinition, _ value: NFTablesGuard) throws(EnforcementError) {
        let name = GuardName(definition.id)
        if definition.purpose == .unguard {
            guards[name] = nil
            removed.insert(name)
            onTrial.remove(name)
            if marks.remove(name) != nil { unmarked.insert(name) }
            return
        }
        // A guard that nobody uses any more stays as it is; one taken away by hand does not come back for that.
        if definition.purpose == .released, marks.contains(name) { return }
        guards[name] = try GuardRules(definition.id, value)
        if definition.confirmed { onTrial.remove(name) } else { onTrial.insert(name) }
    }
}
