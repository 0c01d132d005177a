/// Why the server cannot start or go on, in a sentence that an administrator can act on.
public struct ServerError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case files, certificate, listen, database, encryptionKey, agent }
        private let base: Base

        /// A file or directory of ours cannot be used.
        public static let files = Code(base: .files)
        /// Certificate or key cannot be used.
        public static let certificate = Code(base: .certificate)
        /// The address cannot be listened on.
        public static let listen = Code(base: .listen)
        /// The database cannot be used by this release.
        public static let database = Code(base: .database)
        /// The site's data key cannot be unwrapped with the EncryptionKey given.
        public static let encryptionKey = Code(base: .encryptionKey)
        /// The all-in-one's own agent cannot be kept running.
        public static let agent = Code(base: .agent)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
