/// Tries things one after another without waiting for the slow ones.
enum StaggeredRace {
    private enum Event<Winner: Sendable>: Sendable {
        case won(Winner)
        case lost(any Error)
        case waited(Int)
    }

    /// Starts the next item when `interval` has passed or an earlier one failed; the first to succeed wins and the
    /// others are cancelled.
    ///
    /// - Throws: what `failure` makes of all errors where nothing succeeds.
    static func first<Item: Sendable, Winner: Sendable>(
        of items: [Item], every interval: Duration, attempt: @escaping @Sendable (Item) async throws -> Winner,
        failure: ([any Error]) -> any Error
    ) async throws -> Winner {
        try await withThrowingTaskGroup(of: Event<Winner>.self) { group in
            var started = 0
            var failures: [any Error] = []
            func start() {
                guard started < items.count else { return }
                let index = started
                started += 1
                group.addTask {
                    do { return .won(try await attempt(items[index])) } catch { return .lost(error) }
                }
                guard started < items.count else { return }
                group.addTask {
                    try? await Task.sleep(for: interval)
                    return .waited(index)
                }
            }
            start()
            while let event = try await group.next() {
                switch event {
                case .won(let winner):
                    group.cancelAll()
                    return winner
                case .lost(let error):
                    failures.append(error)
                    if failures.count == items.count { group.cancelAll() } else if failures.count == started { start() }
                case .waited(let index):
                    if index == started - 1, !Task.isCancelled { start() }
                }
            }
            try Task.checkCancellation()
            throw failure(failures)
        }
    }
}
