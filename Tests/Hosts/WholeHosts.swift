import Lab
import Testing

/// Sites of whole Debian hosts, put up by the commands that a site's administrator types.
///
/// The hosts are booted once, and the scenarios follow each other on them, in the order of their files' names: what
/// needs one node comes before what needs three, and what goes to another release comes last.
@Suite(
    "whole hosts", .serialized, .enabled(if: Rack.canRun, Comment(rawValue: Rack.obstacle)), .rack)
enum WholeHosts {
    /// What a test may take at most, the making of the image and the booting of hosts included.
    static let limit = TimeLimitTrait.Duration.minutes(15)
}

extension WholeHosts {
    /// Whether `--long` was given.
    static let isLong = Lab.isLong

    /// Skips the test, and says why, where hosts of another Debian release cannot be made.
    static func need(_ release: String) async throws {
        let obstacle = try await HostImage.obstacle(release)
        if !obstacle.isEmpty { try Test.cancel("hosts of Debian \(release) cannot be made: \(obstacle)") }
    }
}
