public import KnocknocModel

/// Opens what a server has sealed for this agent.
public protocol SecretOpener: Sendable {
    /// - Parameters:
    ///   - field: the variable that it is the value of.
    ///   - script: what it is given to; it opens for that one alone.
    /// - Throws: ``EnforcementError`` in words that do not hold the secret.
    func open(_ value: SealedValue, field: String, of script: ScriptBackend) throws(EnforcementError) -> String
}
