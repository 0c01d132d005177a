import Crypto
import FoundationEssentials
public import KnocknocEnforcement
public import KnocknocModel

/// Opens what servers have sealed to this agent's key.
public struct SealedSecrets: SecretOpener {
    private let key: Curve25519.KeyAgreement.PrivateKey

    public init(_ keys: AgentKeys) { key = keys.sealing }

    public func open(
        _ value: SealedValue, field: String, of script: ScriptBackend
    ) throws(EnforcementError) -> String {
        guard let parts = value.parts else {
            throw EnforcementError(.refused, "secret needed: \(field) was not sealed in a way that this agent knows")
        }
        let own = SHA256.hash(data: key.publicKey.rawRepresentation).prefix(SealedValue.digestBytes)
        guard parts.key == Array(own) else {
            throw EnforcementError(
                .refused, "secret needed: enter the secret \(field) for this agent again: its key has changed")
        }
        let context = SealedValue.context(agent: parts.agent, knoc: parts.knoc, field: field, of: script)
        guard
            var recipient = try? HPKE.Recipient(
                privateKey: key, ciphersuite: .Curve25519_SHA256_ChachaPoly, info: Data(SealedValue.version.utf8),
                encapsulatedKey: Data(parts.payload.prefix(32))),
            let opened = try? recipient.open(Data(parts.payload.dropFirst(32)), authenticating: Data(context)),
            let text = String(validating: opened, as: UTF8.self), !text.utf8.contains(0)
        else {
            throw EnforcementError(
                .refused,
                "secret needed: enter the secret \(field) for this agent again: it was sealed for another agent, Knoc, "
                    + "program, list or variables")
        }
        return text
    }
}
