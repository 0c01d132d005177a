/// Why setting up ended without a node.
public struct SetupError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case missing, usage, refused, ended, declined, invalid }
        private let base: Base

        /// Nobody is there to ask, and an answer is needed; wrong usage.
        public static let missing = Code(base: .missing)
        /// An answer that was given beforehand cannot be on any machine; wrong usage.
        public static let usage = Code(base: .usage)
        /// An answer that was given beforehand cannot be here.
        public static let refused = Code(base: .refused)
        /// The input ended while something was asked.
        public static let ended = Code(base: .ended)
        /// The summary was answered with no.
        public static let declined = Code(base: .declined)
        /// The configuration that is there cannot be read.
        public static let invalid = Code(base: .invalid)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
