import KnocknocModel

/// A person's wish for a Knoc.
struct Click: Sendable {
    var knoc: KnocID
    var session: Session
    var context: RequestContext
    /// When its caller has waited long enough.
    var deadline: ContinuousClock.Instant
}
