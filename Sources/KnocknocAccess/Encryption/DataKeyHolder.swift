import Synchronization

/// The data key of this process, once it is unlocked.
final class DataKeyHolder: Sendable {
    private let key = Mutex<DataKey?>(nil)

    var value: DataKey? { key.withLock { $0 } }

    func set(_ key: DataKey?) { self.key.withLock { $0 = key } }
}
