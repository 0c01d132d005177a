/// Why a machine could not be changed.
public struct SystemError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base: Hashable { case notAllowed, missing, failed, busy, invalid, interrupted(Int32) }
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
        /// A signal has stopped it; exit 128 and the signal's number.
        public static func interrupted(by signal: Int32) -> Code { Code(base: .interrupted(signal)) }

        /// The signal that has stopped it; nil where none has.
        public var signal: Int32? { if case .interrupted(let signal) = base { signal } else { nil } }
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
