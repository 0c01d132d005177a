import NIOConcurrencyHelpers

/// Short identifiers that tie log lines and audit events to a request: random per process, then counting.
enum RequestIdentifier {
    private static let base = UInt64.random(in: 0...(.max))
    private static let counter = NIOLockedValueBox<UInt64>(0)

    static func next() -> String {
        let number = counter.withLockedValue { value in
            value += 1
            return value
        }
        return String(base >> 32, radix: 16) + "-" + String(number, radix: 16)
    }
}
