import Foundation
import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("Messages on the wire")
struct CodecTests {
    static let serverMessages: [ServerMessage] = [
        .challenge(.init(agent: Samples.agent, nonce: "bm9uY2U=", protocolMin: 1, protocolMax: 2)),
        .welcome(.init(linkEpoch: 5, node: "web-1", heartbeat: 5000, version: "1")),
        .snapshotBegin(.init(position: Samples.position(3), diverged: true)),
        .snapshotChunk(
            .init(
                since: Samples.stamp(1), targets: [Samples.targetRow(backend: Samples.guarded)],
                entries: [Samples.row(2, ttl: 500, cut: 1), Samples.row(3, ttl: nil)])),
        .snapshotEnd(.init(position: Samples.position(3))),
        Samples.changes(after: Samples.position(1), to: Samples.position(2), since: Samples.stamp(4), []),
        .heartbeat(.init(stamp: Samples.stamp(9), databaseAge: 12, revision: 3)),
        .ping(.init(id: "p")),
        .bye(.init(code: .noDatabase, text: "no")),
        .snapshotChunk(
            .init(
                since: Samples.stamp(2),
                targets: [
                    Samples.targetRow(
                        4,
                        backend: .nftablesSet(
                            NFTablesSet(
                                family: .inet, table: "filter", ipv4: "people", ipv6: "people6", protocol: .tcp,
                                ports: [22]))),
                    Samples.targetRow(5, backend: Samples.guarded, confirmed: false, purpose: .unguard),
                ], entries: [])),
        .nodes(.init(endpoints: ["https://web-2.example.org:8756"], spread: 512)),
        .ping(.init(id: "p", logLines: 50)),
    ]

    static let agentMessages: [AgentMessage] = [
        .hello(
            Samples.hello(
                position: Samples.position(2),
                removals: [
                    .init(
                        entry: Samples.entry, target: Samples.target, address: Samples.address, revision: 2, epoch: "e")
                ])),
        .hello(Samples.hello(position: nil)),
        .heartbeat(Samples.stamp(5)),
        .applied(
            .init(
                linkEpoch: 5, revision: 2, failures: [.init(target: Samples.target, entry: nil, reason: "no set")],
                dryRun: [Samples.target])),
        .trial(
            .init(target: Samples.target, state: .started, flows: 2, sources: [Samples.address], secondsLeft: 60)),
        .pong(.init(id: "p")),
        .pong(.init(id: "p", log: ["one", "two"])),
        .applied(
            .init(linkEpoch: 5, revision: 2, failures: [], dryRun: [], drift: .init(added: 3, removed: 1))),
    ]

    @Test("a web node's message comes back as it was", arguments: serverMessages)
    func server(message: ServerMessage) throws {
        #expect(try Codec.decodeServer(Codec.encode(message)) == message)
    }

    @Test("an agent's message comes back as it was", arguments: agentMessages)
    func agent(message: AgentMessage) throws {
        #expect(try Codec.decodeAgent(Codec.encode(message)) == message)
    }

    @Test("the names on the wire are the documented ones")
    func names() throws {
        let text = String(decoding: try Codec.encode(Self.serverMessages[6]), as: UTF8.self)
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(object?["type"] as? String == "heartbeat")
        #expect(object?["db_age_ms"] as? Int == 12)
        let chunk = String(decoding: try Codec.encode(Self.serverMessages[3]), as: UTF8.self)
        #expect(chunk.contains(#""type":"snapshot_chunk""#))
        #expect(chunk.contains(#""ttl_ms":500"#))
        let ping = String(decoding: try Codec.encode(ServerMessage.ping(.init(id: "p", logLines: 7))), as: UTF8.self)
        #expect(ping.contains(#""log_lines":7"#))
    }

    @Test("of several protocols the highest in common is spoken")
    func agreed() {
        #expect(Codec.agreed(with: (1, 1), ours: 1...1) == 1)
        #expect(Codec.agreed(with: (1, 2), ours: 1...1) == 1)
        #expect(Codec.agreed(with: (1, 1), ours: 1...2) == 1)
        #expect(Codec.agreed(with: (1, 3), ours: 1...2) == 2)
        #expect(Codec.agreed(with: (2, 3), ours: 1...2) == 2)
        #expect(Codec.agreed(with: (2, 2), ours: 1...1) == nil)
        #expect(Codec.agreed(with: (1, 1), ours: 2...3) == nil)
    }

    @Test("unknown fields are ignored")
    func unknownFields() throws {
        let message = try Codec.decodeServer(Array(#"{"type":"ping","id":"x","colour":"red"}"#.utf8))
        #expect(message == .ping(.init(id: "x")))
    }

    @Test(
        "a backend that this build does not know costs that target only, and goes on as it came",
        arguments: [
            (#"{"type":"moat","depth":3,"of":{"water":[true,null,1.5,"x"]}}"#, #"does not know backend "moat""#),
            (
                #"{"type":"nftables","guard":{"protocol":"tcp","ports":[9000],"only_on":"tuesday"}}"#,
                #"cannot read this form of backend "nftables""#
            ),
        ])
    func unknownBackend(json: String, fault: String) throws {
        let rows = [Samples.targetRow(backend: Samples.guarded), Samples.targetRow(2, backend: .dryRun)]
        let chunk = ServerMessage.snapshotChunk(.init(since: Samples.stamp(1), targets: rows, entries: []))
        let text = String(decoding: try Codec.encode(chunk), as: UTF8.self)
        let newer = try Codec.decodeServer(Array(text.replacing(#"{"type":"dry-run"}"#, with: json).utf8))
        guard case .snapshotChunk(let read) = newer, case .unknown(let backend) = read.targets[1].definition.backend
        else {
            Issue.record("read as \(newer)")
            return
        }
        #expect(read.targets[0] == rows[0])
        #expect(backend.fault == fault)
        #expect(throws: ModelError.self) { try Backend.unknown(backend).validated() }
        #expect(try Codec.decodeServer(Codec.encode(newer)) == newer)
        let written = try JSONDecoder().decode(
            JSONValue.self, from: JSONEncoder().encode(ForeignBackend(.unknown(backend))))
        #expect(try written == JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)))
    }

    @Test("an unknown type, a missing field, no JSON and too much are told apart")
    func faults() {
        func code(_ text: String) -> ProtocolError.Code? {
            do throws(ProtocolError) {
                _ = try Codec.decodeAgent(Array(text.utf8))
                return nil
            } catch { return error.code }
        }
        #expect(code(#"{"type":"dance"}"#) == .unknownType)
        #expect(code(#"{"type":"pong"}"#) == .malformed)
        #expect(code("pong") == .malformed)
        #expect(code(#"{"type":"pong","id":""# + String(repeating: "x", count: Codec.maximumBytes)) == .tooLarge)
    }

    @Test("a message has at most 1 MiB, and may have as much")
    func bounds() throws {
        func code(_ body: () throws(ProtocolError) -> Void) -> ProtocolError.Code? {
            do throws(ProtocolError) {
                try body()
                return nil
            } catch { return error.code }
        }
        let most = Codec.maximumBytes
        let pong = Array(#"{"type":"pong","id":"x"}"#.utf8)
        let ping = Array(#"{"type":"ping","id":"x"}"#.utf8)
        for (length, expected) in [(most, nil), (most + 1, .tooLarge)] as [(Int, ProtocolError.Code?)] {
            let blanks = [UInt8](repeating: UInt8(ascii: " "), count: length - pong.count)
            let id = String(repeating: "x", count: length - pong.count + 1)
            let (said, asked) = (AgentMessage.pong(.init(id: id)), ServerMessage.ping(.init(id: id)))
            #expect(code { () throws(ProtocolError) in _ = try Codec.decodeAgent(pong + blanks) } == expected)
            #expect(code { () throws(ProtocolError) in _ = try Codec.decodeServer(ping + blanks) } == expected)
            #expect(code { () throws(ProtocolError) in _ = try Codec.encode(said) } == expected)
            #expect(code { () throws(ProtocolError) in _ = try Codec.encode(asked) } == expected)
        }
    }

    @Test("no two signed hellos share their bytes")
    func signedBytes() {
        let one = SignedHello.bytes(nonce: "ab", agent: Samples.agent, host: "c.example")
        #expect(one != SignedHello.bytes(nonce: "a", agent: Samples.agent, host: "bc.example"))
        #expect(one != SignedHello.bytes(nonce: "ab", agent: AgentID(value: 8), host: "c.example"))
        #expect(one == SignedHello.bytes(nonce: "ab", agent: Samples.agent, host: "C.Example"))
    }
}
