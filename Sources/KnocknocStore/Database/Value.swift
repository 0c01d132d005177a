public import KnocknocModel

/// A value of a statement's parameter or of a column: the four kinds that both databases share.
public enum Value: Hashable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// Whatever can stand for a parameter.
public protocol ValueConvertible: Sendable {
    var value: Value { get }
}

extension Value: ValueConvertible {
    public var value: Value { self }
}

extension Int64: ValueConvertible {
    public var value: Value { .integer(self) }
}

extension Int: ValueConvertible {
    public var value: Value { .integer(Int64(self)) }
}

/// Booleans are 0 and 1 in both databases.
extension Bool: ValueConvertible {
    public var value: Value { .integer(self ? 1 : 0) }
}

extension String: ValueConvertible {
    public var value: Value { .text(self) }
}

extension [UInt8]: ValueConvertible {
    public var value: Value { .blob(self) }
}

extension Timestamp: ValueConvertible {
    public var value: Value { .integer(microseconds) }
}

extension Identifier: ValueConvertible {
    public var value: Value { .text(description) }
}

extension IPAddress: ValueConvertible {
    public var value: Value { .text(description) }
}

extension Optional: ValueConvertible where Wrapped: ValueConvertible {
    public var value: Value { self?.value ?? .null }
}
