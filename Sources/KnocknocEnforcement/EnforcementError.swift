/// Why something could not be enforced, in the kernel's or our own words.
public struct EnforcementError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Base { case exists, full, kernel, missing, overrun, refused, unavailable }
        private let base: Base

        /// It is there already.
        public static let exists = Code(base: .exists)
        /// There is no room for more.
        public static let full = Code(base: .full)
        /// The kernel answered with an error.
        public static let kernel = Code(base: .kernel)
        /// What was asked for is not in the kernel.
        public static let missing = Code(base: .missing)
        /// Events were lost because they came faster than they were read.
        public static let overrun = Code(base: .overrun)
        /// We will not do it, for the reason given.
        public static let refused = Code(base: .refused)
        /// This process or machine cannot do it at all.
        public static let unavailable = Code(base: .unavailable)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
