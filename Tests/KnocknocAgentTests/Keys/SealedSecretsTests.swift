import Crypto
import Foundation
import KnocknocEnforcement
import KnocknocModel
import Testing

@testable import KnocknocAgent

@Suite("secrets that a server has sealed")
struct SealedSecretsTests {
    private let keys = AgentKeys()
    private let agent = AgentID(value: 7)
    private let knoc = KnocID(value: 8)
    private let script = ScriptBackend(path: "/opt/x/open", name: "vpn", environment: ["HOST": "fw.example"])

    /// As the format says it, apart from the server's code.
    private func sealed(
        _ text: String, agent: AgentID, knoc: KnocID, field: String = "TOKEN", _ script: ScriptBackend,
        to keys: AgentKeys
    ) throws -> SealedValue {
        let context = SealedValue.context(agent: agent, knoc: knoc, field: field, of: script)
        let key = keys.sealing.publicKey
        var sender = try HPKE.Sender(
            recipientKey: key, ciphersuite: .Curve25519_SHA256_ChachaPoly, info: Data("1".utf8))
        let payload = try sender.seal(Data(text.utf8), authenticating: Data(context))
        return SealedValue(
            .init(
                agent: agent, knoc: knoc, key: Array(SHA256.hash(data: key.rawRepresentation).prefix(16)),
                context: Array(SHA256.hash(data: context).prefix(16)), payload: Array(sender.encapsulatedKey + payload))
        )
    }

    private func opened(
        _ value: SealedValue, field: String = "TOKEN", _ script: ScriptBackend, with keys: AgentKeys? = nil
    ) -> Result<String, EnforcementError> {
        do throws(EnforcementError) {
            return .success(try SealedSecrets(keys ?? self.keys).open(value, field: field, of: script))
        } catch {
            return .failure(error)
        }
    }

    @Test("what was sealed for this agent, Knoc, variable and program opens")
    func opens() throws {
        let value = try sealed("hunter2 é", agent: agent, knoc: knoc, script, to: keys)
        #expect(opened(value, script) == .success("hunter2 é"))
        var other = script
        other.flows = FlowMatch(protocol: .tcp, ports: [22])
        other.sealed = ["TOKEN": value, "MORE": value]
        #expect(opened(value, other) == .success("hunter2 é"))
        let parts = try #require(value.parts)
        #expect(parts.agent == agent && parts.knoc == knoc && SealedValue(parts) == value)
    }

    @Test("moved, redirected or changed it does not, and the administrator is told what to enter again")
    func moved() throws {
        let value = try sealed("hunter2", agent: agent, knoc: knoc, script, to: keys)
        let reason =
            "secret needed: enter the secret TOKEN for this agent again: it was sealed for another agent, Knoc, program, "
            + "list or variables"
        let refused = Result<String, EnforcementError>.failure(EnforcementError(.refused, reason))
        var places: [ScriptBackend] = [script, script, script, script]
        places[0].path = "/opt/x/close"
        places[1].name = "other"
        places[2].environment = ["HOST": "evil.example"]
        places[3].environment = [:]
        for place in places { #expect(opened(value, place) == refused) }
        guard case .failure = opened(value, field: "OTHER", script) else {
            Issue.record("opened as another variable")
            return
        }
        let parts = try #require(value.parts)
        var changed = [parts, parts, parts]
        changed[0].agent = AgentID(value: 9)
        changed[1].knoc = KnocID(value: 9)
        changed[2].payload[40] ^= 1
        for parts in changed { #expect(opened(SealedValue(parts), script) == refused) }
        for text in ["", "Zm9v", value.text.replacing("1.", with: "2.", maxReplacements: 1)] {
            guard case .failure(let error) = opened(SealedValue(text: text), script) else {
                Issue.record("opened \(text)")
                return
            }
            #expect(error.message.hasPrefix("secret needed: TOKEN"))
        }
    }

    @Test("an agent whose key has changed says so")
    func otherKey() throws {
        let value = try sealed("hunter2", agent: agent, knoc: knoc, script, to: AgentKeys())
        let reason = "secret needed: enter the secret TOKEN for this agent again: its key has changed"
        #expect(opened(value, script) == .failure(EnforcementError(.refused, reason)))
    }
}
