import Crypto
import FoundationEssentials
import KnocknocModel
import KnocknocStore

// Secrets of scripts: the server sees them once, while an administrator saves them, and cannot read them back.
extension Access {
    /// Specifications as they are kept: secrets sealed to their agent's pinned key, and what was sealed before checked.
    ///
    /// - Throws: ``AccessError`` invalid, naming what has to be entered again, in words without any value.
    func sealed(
        _ specs: [EnforcementSpec], of knoc: KnocID, _ tx: any Transaction
    ) async throws -> [EnforcementSpec] {
        var result: [EnforcementSpec] = []
        for (index, spec) in specs.enumerated() {
            guard case .script(let script) = spec.backend, !script.sealed.isEmpty || !script.secrets.isEmpty else {
                result.append(spec)
                continue
            }
            let place = "enforcement[\(index)]"
            guard let agent = spec.agentID else {
                throw AccessError(
                    .invalid,
                    "\(place): script.secrets: a secret is sealed for one agent: expected agent_id, not zone",
                    field: "\(place).backend")
            }
            guard let row = try await tx.run(LinkTable.keys(agent)).first else {
                throw AccessError(.invalid, "there is no agent \(agent)", field: "enforcement")
            }
            guard let key = try row.optional("sealing_key", row.text), let key = SealingKey(key) else {
                throw AccessError(
                    .invalid,
                    "\(place): script.secrets: agent \(try row.text("name")) has no key yet: a secret can be sealed to it "
                        + "once it has been in contact", field: "\(place).backend")
            }
            do throws(ModelError) {
                let sealed = try key.seal(script, agent: agent, knoc: knoc)
                result.append(EnforcementSpec(agentID: agent, backend: .script(sealed)))
            } catch {
                throw AccessError(.invalid, "\(place): \(error.message)", field: "\(place).backend")
            }
        }
        return result
    }
}

/// The public key that an agent's secrets are sealed to.
struct SealingKey {
    private let key: Curve25519.KeyAgreement.PublicKey

    /// - Parameter text: base64, as the agent told it at first contact.
    init?(_ text: String) {
        guard let data = Data(base64Encoded: text),
            let key = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: data)
        else { return nil }
        self.key = key
    }

    /// - Throws: ``ModelError`` where an earlier seal does not fit any more, or one cannot be made.
    func seal(_ script: ScriptBackend, agent: AgentID, knoc: KnocID) throws(ModelError) -> ScriptBackend {
        var result = script
        result.secrets = [:]
        for (field, value) in script.sealed.sorted(by: { $0.key < $1.key }) {
            let context = SealedValue.context(agent: agent, knoc: knoc, field: field, of: script)
            guard let parts = value.parts, parts.agent == agent, parts.knoc == knoc, parts.context == digest(context)
            else {
                throw ModelError(
                    .invalidBackend,
                    "script.sealed: enter \(field) again: it was sealed for this agent, Knoc, program, list and variables, "
                        + "and they have changed")
            }
            guard parts.key == digest(key.rawRepresentation) else {
                throw ModelError(
                    .invalidBackend,
                    "script.sealed: enter \(field) again: it was sealed to a key that the agent has lost")
            }
        }
        for (field, secret) in script.secrets {
            let context = SealedValue.context(agent: agent, knoc: knoc, field: field, of: script)
            guard let payload = seal(Array(secret.value.utf8), context) else {
                throw ModelError(.invalidBackend, "script.secrets: \(field) cannot be sealed to the agent's key")
            }
            result.sealed[field] = SealedValue(
                .init(
                    agent: agent, knoc: knoc, key: digest(key.rawRepresentation), context: digest(context),
                    payload: payload))
        }
        return result
    }

    private func seal(_ secret: [UInt8], _ context: [UInt8]) -> [UInt8]? {
        guard
            var sender = try? HPKE.Sender(
                recipientKey: key, ciphersuite: .Curve25519_SHA256_ChachaPoly, info: Data(SealedValue.version.utf8)),
            let sealed = try? sender.seal(Data(secret), authenticating: Data(context))
        else { return nil }
        return Array(sender.encapsulatedKey) + Array(sealed)
    }

    private func digest(_ bytes: some DataProtocol) -> [UInt8] {
        Array(SHA256.hash(data: bytes).prefix(SealedValue.digestBytes))
    }
}
