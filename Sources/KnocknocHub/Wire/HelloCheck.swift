import Crypto
import FoundationEssentials
import KnocknocModel
import KnocknocProtocol

/// Whether a hello was signed for this link by the key that it names.
enum HelloCheck {
    /// - Parameters:
    ///   - nonce: the challenge's, base64.
    ///   - host: the `Host` header with which the agent asked for the link.
    /// - Returns: nil where all is well, else what is wrong.
    static func fault(of hello: AgentMessage.Hello, nonce: String, agent: AgentID, host: String) -> String? {
        guard let raw = Data(base64Encoded: hello.signingKey),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw)
        else { return "signing_key is not an Ed25519 public key in base64" }
        guard Data(base64Encoded: hello.sealingKey)?.count == 32 else {
            return "sealing_key is not an X25519 public key in base64"
        }
        guard let signature = Data(base64Encoded: hello.signature),
            key.isValidSignature(signature, for: Data(SignedHello.bytes(nonce: nonce, agent: agent, host: host)))
        else { return "the signature does not fit the challenge, this agent and the host \(host)" }
        return nil
    }

    /// 32 random bytes, base64.
    static func nonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }).base64EncodedString()
    }
}
