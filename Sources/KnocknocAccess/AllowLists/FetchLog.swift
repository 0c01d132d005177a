import KnocknocModel
import Synchronization

/// Who has fetched which list, and how often, since it was last written down.
final class FetchLog: Sendable {
    struct Consumer: Hashable, Sendable {
        var key: APIKeyID
        var keyName: String
        var address: IPAddress
        var list: AllowListID
        var knocName: String?
        /// Why it was refused; nil where it got the list.
        var refusal: String?
        var format: AllowListFormat
    }

    private struct Count {
        var fetches = 0
        var written: Timestamp?
    }

    /// Seconds between two lines about one consumer.
    static let pause: Int64 = 60
    /// Consumers that are told apart; the rest of a minute is not counted.
    private static let most = 4096
    private let counts = Mutex<[Consumer: Count]>([:])

    func note(_ consumer: Consumer) {
        counts.withLock { counts in
            guard counts.count < Self.most || counts[consumer] != nil else { return }
            counts[consumer, default: Count()].fetches += 1
        }
    }

    /// Takes what is to be written at `now`: the first fetch at once, then one count a minute.
    ///
    /// - Parameter all: whatever there is, since nobody will ask again.
    func due(at now: Timestamp, all: Bool = false) -> [Consumer: Int] {
        counts.withLock { counts in
            var due: [Consumer: Int] = [:]
            for (consumer, count) in counts {
                let isDue = all || count.written.map { $0.adding(seconds: Self.pause) <= now } ?? true
                guard isDue else { continue }
                guard count.fetches > 0 else {
                    counts[consumer] = nil
                    continue
                }
                due[consumer] = count.fetches
                counts[consumer] = Count(fetches: 0, written: now)
            }
            return due
        }
    }

    /// Puts back what could not be written.
    func restore(_ counted: [Consumer: Int]) {
        counts.withLock { counts in
            for (consumer, fetches) in counted {
                counts[consumer, default: Count()].fetches += fetches
                counts[consumer]?.written = nil
            }
        }
    }
}
