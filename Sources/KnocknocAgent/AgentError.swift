/// What went wrong in the agent, in a sentence that its operator can act on.
public struct AgentError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case configuration, file, keys, link, refused, health }
        private let base: Base

        /// Settings that cannot be used.
        public static let configuration = Code(base: .configuration)
        /// A file that cannot be read or written.
        public static let file = Code(base: .file)
        /// Keys that cannot be read or made.
        public static let keys = Code(base: .keys)
        /// A server that cannot be reached or trusted.
        public static let link = Code(base: .link)
        /// A server that answered and said no.
        public static let refused = Code(base: .refused)
        /// A health listener that cannot be opened.
        public static let health = Code(base: .health)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
