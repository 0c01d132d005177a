/// What is wrong with a configuration, every problem at once, so that one edit can mend them all.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One value that cannot be.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// Where it stands: `FILE:LINE`, `environment NAME` or the flag.
        public var place: String
        /// What is wrong and what was expected.
        public var message: String

        public init(place: String, message: String) {
            self.place = place
            self.message = message
        }

        public var description: String { place.isEmpty ? message : "\(place): \(message)" }
    }

    public let problems: [Problem]

    public init(_ problems: [Problem]) { self.problems = problems }

    /// Whether some of it was given on the command line, which is wrong usage.
    public var isUsage: Bool { problems.contains { $0.place.hasPrefix("--") } }

    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
