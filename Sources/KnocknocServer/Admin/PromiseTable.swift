import KnocknocModel

/// What the backends of a Knoc promise about the end of access.
enum PromiseTable {
    /// Each form once, in the order of the Knoc; nil where it has none that this build knows.
    static func table(_ backends: [Backend]) -> Table? {
        var promises: [BackendPromise] = []
        for promise in backends.compactMap(\.promise) where !promises.contains(promise) { promises.append(promise) }
        guard !promises.isEmpty else { return nil }
        return Table(
            "What happens when access ends",
            columns: ["Opened by", "New connections", "Established ones", "With the agent dead"],
            rows: promises.map { promise in
                Table.Row(cells: [
                    .text(promise.form), .text(promise.newFlows), .text(promise.establishedFlows),
                    .text(promise.agentDead),
                ])
            }, empty: Table.Empty(icon: "agent", title: "", text: ""))
    }
}
