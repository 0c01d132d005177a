import NIOConcurrencyHelpers

/// How many are connected, and whether one more may be.
final class ConnectionCount: Sendable {
    private let most: Int
    private let count = NIOLockedValueBox(0)

    init(most: Int) { self.most = most }

    /// - Returns: false where there are as many as there may be; then nobody entered.
    func enter() -> Bool {
        count.withLockedValue { count in
            guard count < most else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLockedValue { $0 -= 1 } }
}
