/// A field of a patch that may be left alone, set or emptied.
public enum Change<Value: Sendable & Hashable>: Sendable, Hashable {
    case keep
    case set(Value?)

    /// The value after the change.
    public func applied(to old: Value?) -> Value? {
        switch self {
        case .keep: old
        case .set(let new): new
        }
    }
}
