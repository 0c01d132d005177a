import Lab
import Testing

/// Everything here starts real processes in network namespaces of its own, one site at a time.
@Suite(
    "the whole system", .serialized,
    .enabled(if: Lab.canRun, Comment(rawValue: Lab.obstacle)))
enum WholeSystem {
    /// What a test may take at most, sites included.
    static let limit = TimeLimitTrait.Duration.minutes(2)
}
