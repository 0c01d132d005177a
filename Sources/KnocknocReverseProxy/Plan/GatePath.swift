public import KnocknocSystem

/// A path of a site, or with `/*` at its end that path and all below it.
public struct GatePath: Hashable, Sendable, CustomStringConvertible {
    /// Without a slash at its end, but for `/`.
    public let path: String
    public let isPrefix: Bool

    /// - Throws: ``SystemError`` `invalid` where it is not a path as browsers send it.
    public init(parsing text: String) throws(SystemError) {
        isPrefix = text.hasSuffix("/*")
        path = !isPrefix ? text : text == "/*" ? "/" : String(text.dropLast(2))
        let isPlain = path.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "/._~-@+=,:".utf8.contains(byte)
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let isClean = !path.contains("//") && !parts.contains(".") && !parts.contains("..")
        guard path.hasPrefix("/"), isPlain, isClean, path.utf8.count <= 500 else {
            throw SystemError(
                .invalid,
                "\"\(text)\": expected a path such as /login, or /admin/* for all below it; of letters, digits and "
                    + "/._~-@+=,: alone")
        }
    }

    /// All of a site.
    var isEverything: Bool { isPrefix && path == "/" }

    public var description: String { isPrefix ? (path == "/" ? "/*" : path + "/*") : path }
}
