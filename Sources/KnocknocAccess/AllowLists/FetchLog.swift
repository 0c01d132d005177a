import KnocknocModel
import Synchronization

/// Who has fetched which list, and how often, since it was last written down.
final class FetchLog: Sendable {
    struct Consumer: Hashable, Sendable {
        var key: APIKeyID
        var keyName: String
        /// Nil where it stands for all beyond those that are told apart.
        var address: IPAddress?
        /// Nil where there is no such list, and where it stands for several.
        var list: AllowListID?
        var knocName: String?
        /// Why it was refused; nil where it got the list.
        var refusal: String?
        var format: AllowListFormat
    }

    /// What is bounded together: a key that is refused crowds out no key that is not.
    private struct Kind: Hashable {
        var key: APIKeyID
        var isRefused: Bool
    }

    private struct Count {
        var fetches = 0
        var written: Timestamp?
    }

    /// Seconds between two lines about one consumer.
    static let pause: Int64 = 60
    /// Consumers of one key that are told apart; the rest is one line.
    static let most = 256
    /// The same where the key is refused: whoever has it asks from where he likes, and for what he likes.
    static let mostRefused = 16
    private let counts = Mutex<[Kind: [Consumer: Count]]>([:])

    func note(_ consumer: Consumer) {
        let kind = Kind(key: consumer.key, isRefused: consumer.refusal != nil)
        counts.withLock { counts in
            let most = kind.isRefused ? Self.mostRefused : Self.most
            let isApart = counts[kind].map { $0[consumer] != nil || $0.count < most } ?? true
            counts[kind, default: [:]][isApart ? consumer : Self.rest(consumer), default: Count()].fetches += 1
        }
    }

    private static func rest(_ consumer: Consumer) -> Consumer {
        var rest = consumer
        rest.address = nil
        rest.list = nil
        rest.knocName = nil
        rest.format = .text
        rest.refusal = consumer.refusal.map { _ in "from further addresses, or for further lists" }
        return rest
    }

    /// Takes what is to be written at `now`: the first fetch at once, then one count a minute.
    ///
    /// - Parameter all: whatever there is, since nobody will ask again.
    func due(at now: Timestamp, all: Bool = false) -> [Consumer: Int] {
        counts.withLock { counts in
            var due: [Consumer: Int] = [:]
            for (kind, consumers) in counts {
                for (consumer, count) in consumers {
                    let isDue = all || count.written.map { $0.adding(seconds: Self.pause) <= now } ?? true
                    guard isDue else { continue }
                    guard count.fetches > 0 else {
                        counts[kind]?[consumer] = nil
                        continue
                    }
                    due[consumer] = count.fetches
                    counts[kind]?[consumer] = Count(fetches: 0, written: now)
                }
                if counts[kind]?.isEmpty == true { counts[kind] = nil }
            }
            return due
        }
    }

    /// Puts back what could not be written.
    func restore(_ counted: [Consumer: Int]) {
        counts.withLock { counts in
            for (consumer, fetches) in counted {
                let kind = Kind(key: consumer.key, isRefused: consumer.refusal != nil)
                counts[kind, default: [:]][consumer, default: Count()].fetches += fetches
                counts[kind]?[consumer]?.written = nil
            }
        }
    }
}
