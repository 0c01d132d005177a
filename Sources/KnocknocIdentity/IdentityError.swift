/// Why somebody's identity could not be checked.
public struct IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case busy, invalidPassword, outOfMemory }
        private let base: Base

        /// No slot for a hash became free in time.
        public static let busy = Code(base: .busy)
        /// A new password that is too short or too long.
        public static let invalidPassword = Code(base: .invalidPassword)
        /// The machine has not the memory that one hash needs.
        public static let outOfMemory = Code(base: .outOfMemory)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
