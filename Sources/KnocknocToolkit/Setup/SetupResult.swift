/// What a node is after it was set up.
public struct SetupResult: Sendable {
    /// Where people go, without a slash at the end.
    public var portal: String
    /// Makes the first administrator, once, within a day; nil where there is one.
    public var setUpCode: String?
    /// SHA-256 of the certificate that the server made for itself.
    public var fingerprint: String?
    /// What `/health` said; nil where the service was not started.
    public var health: String?
}
