/// What is wrong with a message of the agent link.
public struct ProtocolError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case malformed, unknownType, tooLarge }
        private let base: Base

        /// No JSON, or JSON without a field that its type demands.
        public static let malformed = Code(base: .malformed)
        /// A `type` that this version does not know.
        public static let unknownType = Code(base: .unknownType)
        /// More bytes than ``Codec/maximumBytes``.
        public static let tooLarge = Code(base: .tooLarge)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
