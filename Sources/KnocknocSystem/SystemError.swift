/// Why a machine could not be changed.
public struct SystemError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case notAllowed, missing, failed, busy, invalid }
        private let base: Base

        /// The user who runs this may not do it; exit 77.
        public static let notAllowed = Code(base: .notAllowed)
        /// A file, program or service is not there.
        public static let missing = Code(base: .missing)
        /// It was tried and did not work; nothing is changed.
        public static let failed = Code(base: .failed)
        /// Somebody else is changing the same thing at this moment.
        public static let busy = Code(base: .busy)
        /// What is there, or what was given, cannot be used; exit 78.
        public static let invalid = Code(base: .invalid)
    }

    public let code: Code
    /// What, where, and the way out.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
