/// What is wrong with a value, in a sentence that its author can act on.
public struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case invalidAddress, invalidBackend, invalidIdentifier, invalidName, invalidTime }
        private let base: Base

        /// Text that is no address, network or port.
        public static let invalidAddress = Code(base: .invalidAddress)
        /// A backend whose fields do not fit together.
        public static let invalidBackend = Code(base: .invalidBackend)
        /// Text that is no identifier of ours.
        public static let invalidIdentifier = Code(base: .invalidIdentifier)
        /// A name that is empty, too long or has characters it may not have.
        public static let invalidName = Code(base: .invalidName)
        /// Text that is no RFC 3339 time.
        public static let invalidTime = Code(base: .invalidTime)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
