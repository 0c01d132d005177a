import Crypto
import Foundation
import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("secrets of scripts")
struct SecretTests {
    private let key = Curve25519.KeyAgreement.PrivateKey()

    private func script(
        _ secrets: [String: String] = [:], sealed: [String: SealedValue] = [:], environment: [String: String] = [:]
    ) -> Backend {
        .script(
            ScriptBackend(
                path: "/opt/x/open", environment: environment, sealed: sealed,
                secrets: secrets.mapValues(SecretText.init)))
    }

    /// An agent that has been in contact.
    private func agent(_ world: World, _ name: String = "gw1") async throws -> AgentID {
        let agent = try await world.agent(name)
        let hello = FakeAgent.hello(sealing: key.publicKey.rawRepresentation.base64EncodedString())
        _ = try await world.access.attach(agent: agent.id, hello: hello, node: "a")
        return agent.id
    }

    private func stored(_ world: World, _ knoc: KnocID, _ place: Int = 0) async throws -> ScriptBackend {
        guard case .script(let script) = try await world.access.knoc(knoc).enforcement[place].backend else {
            throw AccessError(.invalid, "no script")
        }
        return script
    }

    private func opened(_ script: ScriptBackend, _ field: String, agent: AgentID, knoc: KnocID) throws -> String {
        let parts = try #require(script.sealed[field]?.parts)
        #expect(parts.agent == agent && parts.knoc == knoc)
        var recipient = try HPKE.Recipient(
            privateKey: key, ciphersuite: .Curve25519_SHA256_ChachaPoly, info: Data("1".utf8),
            encapsulatedKey: Data(parts.payload.prefix(32)))
        let context = SealedValue.context(agent: agent, knoc: knoc, field: field, of: script)
        let bytes = try recipient.open(Data(parts.payload.dropFirst(32)), authenticating: Data(context))
        return String(decoding: bytes, as: UTF8.self)
    }

    private func patch(
        _ world: World, _ knoc: KnocID, _ specs: [EnforcementSpec]
    ) async throws -> String? {
        var patch = KnocPatch()
        patch.enforcement = specs
        do {
            _ = try await world.access.updateKnoc(knoc, patch, by: world.root, world.context())
            return nil
        } catch let error as AccessError {
            return error.message
        }
    }

    @Test("are sealed for their agent while they are saved, and for each agent anew", arguments: Driver.available)
    func sealed(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agents = [try await agent(world), try await agent(world, "gw2")]
            let specs = agents.map { EnforcementSpec(agentID: $0, backend: script(["TOKEN": "hunter2"])) }
            let knoc = try await world.knoc("Wiki", [], specs)
            for (place, id) in agents.enumerated() {
                let script = try await stored(world, knoc, place)
                #expect(script.secrets.isEmpty)
                #expect(try opened(script, "TOKEN", agent: id, knoc: knoc) == "hunter2")
            }
            let texts = try await world.access.knoc(knoc).enforcement.map { try JSON.text($0.backend) }
            #expect(texts.allSatisfy { !$0.contains("hunter2") })
            let audit = try await world.access.listAudit(limit: 100)
            #expect(!"\(audit)".contains("hunter2"))
        }
    }

    @Test(
        "stay sealed as they are when they are saved unread, and a new value reaches the agent",
        arguments: Driver.available)
    func kept(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let id = try await agent(world)
            let spec = { (backend: Backend) in [EnforcementSpec(agentID: id, backend: backend)] }
            let knoc = try await world.knoc("Wiki", [], spec(script(["TOKEN": "hunter2", "OTHER": "one"])))
            let first = try await stored(world, knoc)
            let target = try await world.access.knoc(knoc).targets[0].id
            #expect(try await patch(world, knoc, spec(script(sealed: first.sealed))) == nil)
            #expect(try await stored(world, knoc) == first)
            var left = first.sealed
            left["OTHER"] = nil
            #expect(try await patch(world, knoc, spec(script(["OTHER": "two"], sealed: left))) == nil)
            let second = try await stored(world, knoc)
            #expect(second.sealed["TOKEN"] == first.sealed["TOKEN"])
            #expect(try opened(second, "OTHER", agent: id, knoc: knoc) == "two")
            // The same object with another value, which its agent is told.
            let status = try await world.access.knoc(knoc).targets[0]
            #expect(status.id == target)
            #expect(status.backend == .script(second))
        }
    }

    @Test("are asked for again where they would not open", arguments: Driver.available)
    func again(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let id = try await agent(world)
            let spec = { (backend: Backend) in [EnforcementSpec(agentID: id, backend: backend)] }
            let knoc = try await world.knoc("Wiki", [], spec(script(["TOKEN": "hunter2"])))
            let sealed = try await stored(world, knoc).sealed
            let said =
                "enforcement[0]: script.sealed: enter TOKEN again: it was sealed for this agent, Knoc, program, list and "
                + "variables, and they have changed"
            #expect(
                try await patch(world, knoc, spec(script(sealed: sealed, environment: ["HOST": "evil.example"])))
                    == said)
            let other = try await world.knoc("Other", [], [])
            #expect(try await patch(world, other, spec(script(sealed: sealed))) == said)
            let elsewhere = EnforcementSpec(agentID: try await agent(world, "gw2"), backend: script(sealed: sealed))
            #expect(try await patch(world, knoc, [elsewhere]) == said)
            // The agent comes with another key, which an administrator approves.
            let new = Curve25519.KeyAgreement.PrivateKey().publicKey.rawRepresentation.base64EncodedString()
            _ = try await world.access.attach(agent: id, hello: FakeAgent.hello(sealing: new), node: "a")
            let print = try #require(try await world.access.agent(id).offeredFingerprint)
            _ = try await world.access.approveKey(of: id, fingerprint: print, by: world.root, world.context())
            #expect(
                try await patch(world, knoc, spec(script(sealed: sealed)))
                    == "enforcement[0]: script.sealed: enter TOKEN again: it was sealed to a key that the agent has lost"
            )
            // What has nothing to do with it is saved.
            var name = KnocPatch()
            name.name = "Wiki 2"
            _ = try await world.access.updateKnoc(knoc, name, by: world.root, world.context())
        }
    }

    @Test("cannot be given for an agent that was never there, and such an answer holds no value")
    func noKey() async throws {
        try await World.with(.sqlite) { world in
            let id = try await world.agent().id
            let knoc = try await world.knoc("Wiki", [], [])
            let said = try await patch(
                world, knoc, [EnforcementSpec(agentID: id, backend: script(["TOKEN": "hunter2"]))])
            #expect(
                said
                    == "enforcement[0]: script.secrets: agent gw1 has no key yet: a secret can be sealed to it once it has "
                    + "been in contact")
            for wrong in [["TOKEN": ""], ["token": "hunter2"], ["PATH": "hunter2"], ["A": "hunter2\0"]] {
                let said = try await patch(world, knoc, [EnforcementSpec(agentID: id, backend: script(wrong))])
                #expect(said?.contains("script.secrets") == true && said?.contains("hunter2") == false)
            }
        }
    }
}
