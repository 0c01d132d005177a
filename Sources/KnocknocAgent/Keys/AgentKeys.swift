public import Crypto
import FoundationEssentials

/// What makes this agent this agent: an Ed25519 key that signs hello and an X25519 key that secrets are sealed to.
public struct AgentKeys: Sendable {
    public let signing: Curve25519.Signing.PrivateKey
    public let sealing: Curve25519.KeyAgreement.PrivateKey

    public init(
        signing: Curve25519.Signing.PrivateKey = .init(), sealing: Curve25519.KeyAgreement.PrivateKey = .init()
    ) {
        self.signing = signing
        self.sealing = sealing
    }

    public var signingPublicKey: String { Data(signing.publicKey.rawRepresentation).base64EncodedString() }

    public var sealingPublicKey: String { Data(sealing.publicKey.rawRepresentation).base64EncodedString() }

    /// What an administrator compares: SHA-256 over both public keys, first the signing one.
    public var fingerprint: String {
        var hash = SHA256()
        hash.update(data: signing.publicKey.rawRepresentation)
        hash.update(data: sealing.publicKey.rawRepresentation)
        let text = Data(hash.finalize()).base64EncodedString()
        return "SHA256:" + String(text.prefix { $0 != "=" })
    }

    /// - Returns: an Ed25519 signature in base64.
    func signature(of bytes: [UInt8]) throws(AgentError) -> String {
        do {
            return Data(try signing.signature(for: bytes)).base64EncodedString()
        } catch {
            throw AgentError(.keys, "the signing key cannot sign: \(error)")
        }
    }
}
