public import KnocknocSystem

/// A name by which browsers know a site, with the port that they use.
public struct Domain: Hashable, Sendable, CustomStringConvertible {
    /// Lower case.
    public let host: String
    /// nil: where HAProxy listens.
    public let port: Int?

    /// Reads `HOST` or `HOST:PORT`.
    ///
    /// - Throws: ``SystemError`` `invalid` saying what was expected.
    public init(parsing text: String) throws(SystemError) {
        let wrong = SystemError(
            .invalid,
            "--domain \"\(text)\": expected a name as browsers show it, such as app.example or app.example:8443")
        let hasPort = text.contains(":")
        guard let place = try? HostPort(parsing: hasPort ? text : text + ":443"), place.address == nil,
            !place.host.hasSuffix("."), !place.host.contains("..")
        else { throw wrong }
        host = place.host
        port = hasPort ? place.port : nil
    }

    public var description: String { host + (port.map { ":\($0)" } ?? "") }
}
