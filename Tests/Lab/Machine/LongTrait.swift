import Foundation
public import Testing

extension Lab {
    /// Whether `./dev test --long` runs.
    public static let isLong = ProcessInfo.processInfo.environment["KNOCKNOC_LONG"] != nil
}

extension Trait where Self == ConditionTrait {
    /// For what takes too long for every run; `./dev test` says how many were left out for it.
    public static var onlyLong: Self { .enabled(if: Lab.isLong, "only with --long") }
}
