import Logging

/// Says once that the database is away, again every half minute, and once that it is back.
struct Outage {
    private let logger: Logger
    private var began: ContinuousClock.Instant?
    private var told: ContinuousClock.Instant?

    init(_ logger: Logger) { self.logger = logger }

    mutating func note(_ error: StoreError) {
        began = began ?? .now
        if let told, told.duration(to: .now) < .seconds(30) { return }
        told = .now
        logger.warning("waiting for the database: \(error)")
    }

    mutating func end() {
        if let began { logger.notice("the database answers again after \(began.duration(to: .now))") }
        began = nil
        told = nil
    }
}
