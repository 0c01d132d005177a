import KnocknocModel

/// Everything that talks to the kernel for one enforcer, made on its thread.
final class Kernel {
    let library: NFTablesLibrary
    let reader: SetReader
    let writer: SetWriter
    /// Ends flows; connection tracking may be missing on a host that needs none.
    var cutter: any FlowCutting

    /// - Parameter networkNamespace: that of the calling thread; nil for this process's.
    init(networkNamespace: String? = nil) throws(EnforcementError) {
        cutter = try FlowCutter(networkNamespace: networkNamespace)
        library = try NFTablesLibrary()
        reader = try SetReader()
        writer = try SetWriter()
    }

    /// Our table's chains; nil where the table is not there.
    func listing() throws(EnforcementError) -> TableListing? {
        do {
            return TableListing(try library.run("list table inet \(OwnTable.name)"))
        } catch {
            guard error.code == .missing else { throw error }
            return nil
        }
    }

    /// Runs steps in as few transactions as possible; what one step breaks does not stop the others.
    ///
    /// - Returns: the steps that failed, by their position.
    func run(_ steps: [CommandBatch.Step]) -> [Int: EnforcementError] {
        var failures: [Int: EnforcementError] = [:]
        for start in stride(from: 0, to: steps.count, by: CommandBatch.limit) {
            run(steps, Array(start..<min(start + CommandBatch.limit, steps.count)), &failures)
        }
        return failures
    }

    private func run(_ steps: [CommandBatch.Step], _ part: [Int], _ failures: inout [Int: EnforcementError]) {
        do {
            try writer.run(CommandBatch(steps: part.map { steps[$0] }).changes)
        } catch {
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
    /// The set it changes; nil for our sets of cut flows.
    var set: ElementSet? {
        switch self {
        case .put(let element, _), .remove(let element): element.set
        case .drop, .allow: nil
        }
    }
}
