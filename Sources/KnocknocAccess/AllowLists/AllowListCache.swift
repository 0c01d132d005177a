import KnocknocModel
import Synchronization

/// Lists that were written already, by the change at which they were read. Several who ask for the same change share
/// one reading.
final class AllowListCache: Sendable {
    private struct Item: Sendable {
        var change: String
        var reading: Task<AllowListDocument, any Error>
    }

    private static let most = 256
    private let items = Mutex<[AllowListID: Item]>([:])

    /// The list as it is at `change`, or later.
    ///
    /// - Parameters:
    ///   - change: where the site's own stream stands; it moves with everything that changes a list.
    ///   - now: lines that end until then are not in it.
    func document(
        _ list: AllowListID, change: String, at now: Timestamp,
        read: @escaping @Sendable () async throws -> AllowListDocument
    ) async throws -> AllowListDocument {
        var known = items.withLock { $0[list] }
        if let item = known, item.change == change, let document = try? await item.reading.value {
            if document.until.map({ $0 > now }) ?? true { return document }
            // Only what was looked at is replaced: somebody else may have begun to read it anew.
            items.withLock { items in
                if items[list]?.reading == item.reading { items[list] = nil }
            }
            known = nil
        }
        let reading = items.withLock { items in
            if let item = items[list], item.change == change, item.reading != known?.reading { return item.reading }
            if items.count >= Self.most, items[list] == nil { items.removeValue(forKey: items.keys.first ?? list) }
            let reading = Task { try await read() }
            items[list] = Item(change: change, reading: reading)
            return reading
        }
        do {
            return try await reading.value
        } catch {
            items.withLock { items in
                if items[list]?.reading == reading { items[list] = nil }
            }
            throw error
        }
    }
}
