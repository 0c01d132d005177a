import Glibc
import KnocknocModel

/// Everything that talks to the kernel for one enforcer, made on its thread.
final class Kernel {
    let library: NFTablesLibrary
    let reader: SetReader
    let writer: SetWriter
    /// Ends flows; connection tracking may be missing on a host that needs none.
    var cutter: any FlowCutting

    private let clock: @Sendable () -> BootTime
    private var openSets: IPSets?

    /// - Parameters:
    ///   - networkNamespace: that of the calling thread; nil for this process's.
    ///   - clock: CLOCK_BOOTTIME of this machine.
    init(
        networkNamespace: String? = nil, clock: @escaping @Sendable () -> BootTime = BootClock.now
    ) throws(EnforcementError) {
        self.clock = clock
        cutter = try FlowCutter(networkNamespace: networkNamespace)
        library = try NFTablesLibrary()
        reader = try SetReader()
        writer = try SetWriter()
    }

    /// The sets of ipset: a host that uses none need not know them.
    private func ipsets() throws(EnforcementError) -> IPSets {
        if let openSets { return openSets }
        let sets = try IPSets(clock: clock)
        openSets = sets
        return sets
    }

    /// Refuses a set that cannot hold timed addresses of its family.
    ///
    /// - Parameter creating: makes a set of ipset that is not there.
    func check(_ set: ElementSet, creating: Bool) throws(EnforcementError) {
        switch set {
        case .table(let set): try reader.check(set)
        case .ipset(let set): try ipsets().check(set, creating: creating)
        }
    }

    /// Hands over every element of a set.
    func read(_ set: ElementSet, each: (FoundElement) -> Void) throws(EnforcementError) {
        switch set {
        case .table(let set): try reader.read(set, each: each)
        case .ipset(let set): try ipsets().read(set, each: each)
        }
    }

    /// One element, or nil where it is not there; of ipset ours only.
    func find(_ element: Element) throws(EnforcementError) -> FoundElement? {
        switch element.set {
        case .table(let set): try reader.find(element.address, in: set)
        case .ipset(let set): try ipsets().find(element.address, in: set)
        }
    }

    /// The kernel's version of ipset; nil where it has not loaded it, which asking would make it do.
    func ipsetVersion() -> String? {
        guard access("/sys/module/ip_set", F_OK) == 0 else { return nil }
        return try? ipsets().version()
    }

    /// Our table's chains; nil where the table is not there.
    ///
    /// All tables of the family are listed: for one by name libnftables 1.0.6 has the kernel hand over every element of
    /// its sets, which it then leaves out.
    func listing() throws(EnforcementError) -> TableListing? {
        TableListing(ruleset: try library.run("list ruleset inet"))
    }

    /// Runs steps in as few transactions as possible; what one step breaks does not stop the others.
    ///
    /// - Returns: the steps that failed, by their position.
    func run(_ steps: [CommandBatch.Step]) -> [Int: EnforcementError] {
        var failures: [Int: EnforcementError] = [:]
        let tables = steps.indices.filter { steps[$0].ipset == nil }
        let sets = steps.indices.filter { steps[$0].ipset != nil }
        for start in stride(from: 0, to: tables.count, by: CommandBatch.limit) {
            run(steps, Array(tables[start..<min(start + CommandBatch.limit, tables.count)]), &failures)
        }
        for start in stride(from: 0, to: sets.count, by: CommandBatch.limit) {
            change(steps, Array(sets[start..<min(start + CommandBatch.limit, sets.count)]), &failures)
        }
        return failures
    }

    private func change(_ steps: [CommandBatch.Step], _ part: [Int], _ failures: inout [Int: EnforcementError]) {
        do throws(EnforcementError) {
            let errors = try ipsets().run(part.compactMap { steps[$0].ipset })
            for (position, error) in errors { failures[part[position]] = error }
        } catch {
            for index in part { failures[index] = error }
        }
    }

    private func run(_ steps: [CommandBatch.Step], _ part: [Int], _ failures: inout [Int: EnforcementError]) {
        do {
            try writer.run(CommandBatch(steps: part.map { steps[$0] }).changes)
        } catch {
            // Somebody else may have put one there meanwhile, for who knows how long.
            let sure = steps.map(\.replacing)
            guard part.allSatisfy({ sure[$0] == steps[$0] }) else { return run(sure, part, &failures) }
            let groups = Dictionary(grouping: part) { steps[$0].set }
            if groups.count > 1 {
                for group in groups.values { run(steps, group, &failures) }
            } else if part.count == 1 || error.code == .missing {
                let name = part.first.flatMap { steps[$0].set }.map { "set \($0): " } ?? ""
                for index in part { failures[index] = EnforcementError(error.code, name + error.message) }
            } else {
                run(steps, Array(part[..<(part.count / 2)]), &failures)
                run(steps, Array(part[(part.count / 2)...]), &failures)
            }
        }
    }
}

extension CommandBatch.Step {
    /// The step whether or not the element is there.
    fileprivate var replacing: Self {
        if case .create(let element, let milliseconds) = self {
            .put(element, milliseconds: milliseconds)
        } else {
            self
        }
    }

    /// The set it changes; nil for our sets of cut flows.
    var set: ElementSet? {
        switch self {
        case .put(let element, _), .create(let element, _), .remove(let element): element.set
        case .drop, .allow: nil
        }
    }

    /// What it changes in a set of ipset; nil for one of nftables.
    fileprivate var ipset: IPSets.Change? {
        switch self {
        case .put(let element, let milliseconds), .create(let element, let milliseconds): element.change(milliseconds)
        case .remove(let element): element.change(nil)
        case .drop, .allow: nil
        }
    }
}

extension Element {
    fileprivate func change(_ milliseconds: Int64?) -> IPSets.Change? {
        guard case .ipset(let set) = set else { return nil }
        // Less than a second is not worth adding; 0 would be for ever.
        let kept = milliseconds.flatMap { $0 >= CommandBatch.shortest ? $0 : nil }
        return IPSets.Change(set: set, address: address, milliseconds: kept)
    }
}
