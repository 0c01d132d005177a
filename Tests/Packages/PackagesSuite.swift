import Lab
import Testing

/// The packages that `./dev deb` has made, as files and as they are installed on a Debian that is not switched on.
@Suite(
    "the packages", .serialized,
    .enabled(if: Rack.canRun, Comment(rawValue: Rack.obstacle)))
enum PackagesSuite {
    /// What a test may take at most. The first waits for the hosts' image, which takes minutes to make.
    static let limit = TimeLimitTrait.Duration.minutes(10)
}
