import KnocknocModel

/// The sets of ipset as one enforcer uses them. ipset has no transactions and cannot show one element: what is ours in
/// each set is remembered, and compared with the kernel at every reading.
final class IPSets {
    private let library: IPSetLibrary
    private let reader: IPSetReader
    private let clock: @Sendable () -> BootTime
    private var sets: [IPSet: Known] = [:]

    private struct Known {
        var hasComments: Bool
        /// When our elements leave, by what the kernel was last told.
        var ours: [IPAddress: BootTime] = [:]
    }

    /// An element that leaves by itself after so many milliseconds; nil takes it out.
    struct Change {
        var set: IPSet
        var address: IPAddress
        var milliseconds: Int64?
    }

    init(clock: @escaping @Sendable () -> BootTime) throws(EnforcementError) {
        self.clock = clock
        library = try IPSetLibrary()
        reader = try IPSetReader()
    }

    /// Refuses a set that cannot hold timed addresses of its family.
    ///
    /// - Parameter creating: makes one that is not there.
    func check(_ set: IPSet, creating: Bool) throws(EnforcementError) {
        let header: IPSetHeader
        do {
            header = try reader.header(set)
        } catch {
            sets[set] = nil
            guard error.code == .missing else { throw error }
            guard creating else {
                throw EnforcementError(
                    .missing, "set \(set): there is no such set; make it with: \(set.creation)")
            }
            do { try library.create(set) } catch {
                throw EnforcementError(error.code, "set \(set) could not be made: \(error.message)")
            }
            header = try reader.header(set)
        }
        if let fault = header.fault(set) { throw fault }
        if sets[set]?.hasComments != header.hasComments { try read(set) { _ in } }
    }

    /// Hands over every address of a set.
    func read(_ set: IPSet, each: (FoundElement) -> Void) throws(EnforcementError) {
        let before = sets[set]?.ours ?? [:]
        var ours: [IPAddress: BootTime] = [:]
        let now = clock()
        sets[set] = nil
        let header = try reader.read(set) { found in
            var found = found
            if found.isOurs, let seconds = found.expiration, let address = IPAddress(bytes: found.key) {
                let left = Self.left(before[address]?.milliseconds(since: now), seconds)
                found.expiration = left
                ours[address] = now.adding(milliseconds: left)
            }
            each(found)
        }
        sets[set] = Known(hasComments: header.hasComments, ours: ours)
    }

    /// The kernel tells whole seconds, rounded down: what it was told before is exact, where it is still true.
    static func left(_ told: Int64?, _ seconds: Int64) -> Int64 {
        guard let told, told >= seconds, told < seconds + 1500 else { return seconds + 999 }
        return told
    }

    /// One element of ours, or nil where there is none.
    func find(_ address: IPAddress, in set: IPSet) -> FoundElement? {
        guard let deadline = sets[set]?.ours[address] else { return nil }
        let left = max(0, deadline.milliseconds(since: clock()))
        return FoundElement(key: address.bytes, expiration: left, isOurs: true)
    }

    /// Makes changes, in as few messages as possible: what lets nobody in comes last, so that whoever is to be let in
    /// is not shut out meanwhile, and whoever leaves is in the set of the blocked ones first.
    ///
    /// - Returns: the errors by position. Elements of others are left alone, which is none.
    func run(_ changes: [Change]) -> [Int: EnforcementError] {
        var failures: [Int: EnforcementError] = [:]
        let groups = Dictionary(grouping: changes.indices) { changes[$0].set }
        for (set, all) in groups {
            add(all.filter { changes[$0].milliseconds != nil }, changes, set, &failures)
        }
        for (set, all) in groups {
            delete(all.filter { changes[$0].milliseconds == nil }, changes, set, &failures)
        }
        return failures
    }

    private func add(_ part: [Int], _ changes: [Change], _ set: IPSet, _ failures: inout [Int: EnforcementError]) {
        guard !part.isEmpty, know(set, part, &failures) else { return }
        let known = part.filter { sets[set]?.ours[changes[$0].address] != nil }
        let new = part.filter { sets[set]?.ours[changes[$0].address] == nil }
        var errors = put(known, changes, set, replacing: true)
        var taken: [Int] = []
        for (index, error) in put(new, changes, set, replacing: false) {
            if error.code == .exists { taken.append(index) } else { errors[index] = error }
        }
        errors.merge(settle(taken, changes, set)) { first, _ in first }
        for (index, error) in errors {
            failures[index] = EnforcementError(error.code, "set \(set): \(error.message)")
        }
    }

    /// Somebody has put them there since the set was last read: others' stay as they are.
    private func settle(_ part: [Int], _ changes: [Change], _ set: IPSet) -> [Int: EnforcementError] {
        guard !part.isEmpty else { return [:] }
        var excluded: Set<IPAddress> = []
        do throws(EnforcementError) {
            try read(set) { if $0.excludes, let address = IPAddress(bytes: $0.key) { excluded.insert(address) } }
        } catch {
            return Dictionary(uniqueKeysWithValues: part.map { ($0, error) })
        }
        var errors = put(
            part.filter { sets[set]?.ours[changes[$0].address] != nil }, changes, set, replacing: true)
        for index in part where excluded.contains(changes[index].address) {
            errors[index] = EnforcementError(.refused, "somebody keeps \(changes[index].address) out of it (nomatch)")
        }
        return errors
    }

    private func put(
        _ part: [Int], _ changes: [Change], _ set: IPSet, replacing: Bool
    ) -> [Int: EnforcementError] {
        let now = clock()
        let comment = sets[set]?.hasComments ?? true ? OwnTable.name : nil
        let items = part.map {
            IPSetLibrary.Item(
                address: changes[$0].address, seconds: Self.seconds(changes[$0].milliseconds ?? 0), comment: comment)
        }
        let errors = library.change(.add, set, items, replacing: replacing)
        for (position, item) in items.enumerated() where errors[position] == nil {
            sets[set]?.ours[item.address] = now.adding(milliseconds: Int64(item.seconds) * 1000)
        }
        forget(set, errors)
        return Dictionary(uniqueKeysWithValues: errors.map { (part[$0.key], $0.value) })
    }

    /// Rounded down, but never 0, which is for ever.
    static func seconds(_ milliseconds: Int64) -> UInt32 {
        min(IPSet.longest, UInt32(clamping: max(1, milliseconds / 1000)))
    }

    private func delete(_ part: [Int], _ changes: [Change], _ set: IPSet, _ failures: inout [Int: EnforcementError]) {
        guard !part.isEmpty, know(set, part, &failures) else { return }
        let ours = part.filter { sets[set]?.ours[changes[$0].address] != nil }
        let errors = library.change(.delete, set, ours.map { .init(address: changes[$0].address) })
        for (position, index) in ours.enumerated() {
            if let error = errors[position] {
                failures[index] = EnforcementError(error.code, "set \(set): \(error.message)")
            } else {
                sets[set]?.ours[changes[index].address] = nil
            }
        }
        forget(set, errors)
    }

    /// What is ours in a set is known only once it has been read.
    private func know(_ set: IPSet, _ part: [Int], _ failures: inout [Int: EnforcementError]) -> Bool {
        guard sets[set] == nil else { return true }
        do throws(EnforcementError) {
            try read(set) { _ in }
            return true
        } catch {
            for index in part { failures[index] = error }
            return false
        }
    }

    private func forget(_ set: IPSet, _ errors: [Int: EnforcementError]) {
        if errors.values.contains(where: { $0.code == .missing }) { sets[set] = nil }
    }

    /// As the agent tells the server of it.
    func version() throws(EnforcementError) -> String { "protocol \(try reader.version())" }
}
