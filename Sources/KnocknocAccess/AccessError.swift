/// Why a use case was not carried out, in a sentence that a person can act on.
///
/// Use cases throw this or the store's `StoreError`, which means that the database could not be asked.
public struct AccessError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base {
            case notFound, duplicate, stale, invalid, unauthenticated, forbidden, throttled, busy,
                encryptionKey, confirmation, declared
        }
        private let base: Base

        /// There is no such thing.
        public static let notFound = Code(base: .notFound)
        /// Another one has that name.
        public static let duplicate = Code(base: .duplicate)
        /// It was changed since the version that the caller saw.
        public static let stale = Code(base: .stale)
        /// A value cannot be; ``AccessError/field`` names it.
        public static let invalid = Code(base: .invalid)
        /// Name and password do not fit, or the session is over.
        public static let unauthenticated = Code(base: .unauthenticated)
        /// The principal has no right to it.
        public static let forbidden = Code(base: .forbidden)
        /// The user has to give the password once more.
        public static let confirmation = Code(base: .confirmation)
        /// Too many failed sign-ins; ``AccessError/retryAfter`` says how long.
        public static let throttled = Code(base: .throttled)
        /// No slot became free in time; try again.
        public static let busy = Code(base: .busy)
        /// A file of a web node says so; it changes there.
        public static let declared = Code(base: .declared)
        /// The site's data key cannot be had with what was given for it.
        public static let encryptionKey = Code(base: .encryptionKey)
    }

    public let code: Code
    public let message: String
    /// The field of the request that is wrong, as the API names it.
    public let field: String?
    /// Seconds until another try makes sense.
    public let retryAfter: Int?

    public init(_ code: Code, _ message: String, field: String? = nil, retryAfter: Int? = nil) {
        self.code = code
        self.message = message
        self.field = field
        self.retryAfter = retryAfter
    }

    public var description: String { message }
}
