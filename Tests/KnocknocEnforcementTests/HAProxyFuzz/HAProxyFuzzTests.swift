import Foundation
import Fuzz
import KnocknocModel
import Logging
import Testing

@testable import KnocknocEnforcement

/// docs/testing.md, "Fuzzing".
@Suite("what HAProxy answers, fuzzed", .timeLimit(.minutes(20))) struct HAProxyFuzzTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Corpus/haproxy").standardized
    private static let words = [
        "0x55d0c1a2b3c0", "192.0.2.10 ", "2001:db8::1", "4102444800", "\n\n", "\n", ";", "#0x1", "Pid: 77", "\u{1e}",
        "Unknown map identifier. Please use #<id> or <name>.", "0x", "0x1;shutdown ",
        "-9223372036854775808", "9223372036854775807",
    ]

    @Test("answers and lists' files are read as they stand, and give nothing to say that is no reference or address")
    func text() async throws {
        let seeds = [
            "Name: HAProxy\nPid: 77\n\n0x55d0c1a2b3c0 192.0.2.10 4102444800\n0x55d0c1a2b3d0 2001:db8::1 17\n\n",
            "\n\n", "Unknown map identifier. Please use #<id> or <name>.\n\n",
            "# ours\n192.0.2.7 4102444800\n\(ListFile.mark)\n192.0.2.10 1\n",
        ]
        let fuzzer = try Fuzzer(
            "HAProxy text", .bytes, corpus: Self.corpus, seeds: seeds.map { Array($0.utf8) },
            words: Self.words + [ListFile.mark])
        await fuzzer.run { input in
            let text = String(decoding: input, as: UTF8.self)
            let answers = RuntimeSocket.answers(in: text)
            let whole = answers.map { $0.isEmpty ? "\n" : $0 + "\n\n" }.joined()
            guard RuntimeSocket.answers(in: whole) == answers else {
                throw BrokenRule("answers are others: \(answers)")
            }
            var found = 0
            for entry in answers.compactMap(ProxyList.entries).joined() {
                found += 1
                guard entry.reference.wholeMatch(of: /#0x[0-9a-f]+/) != nil else {
                    throw BrokenRule("a reference that is a command: \(entry.reference)")
                }
                if let network = entry.network, (try? CIDR(parsing: network.description)) != network {
                    throw BrokenRule("a network that is another: \(network)")
                }
            }
            let foreign = ListFile.foreign(text)
            let mine: [(network: CIDR, value: String?)] = [(CIDR(.v4(0xc000_020a)), "17")]
            let file = ListFile.render(foreign, mine)
            guard ListFile.foreign(file) == foreign || ListFile.foreign(file) == foreign + "\n" else {
                throw BrokenRule("the administrator's lines are others")
            }
            guard ListFile.keys(in: file) == ListFile.keys(in: foreign).union(["192.0.2.10"]) else {
                throw BrokenRule("a file's keys are others")
            }
            return "\(min(answers.count, 4)) \(min(found, 4)) \(foreign.count == text.count)"
        }
    }

    @Test("whatever it answers: said to it is only what is wanted, on the list that is ours")
    func conversation() async throws {
        let proxy = try StrangeProxy()
        defer { proxy.stop() }
        let info = "Name: HAProxy\nPid: 77\n\n"
        let stranger = "0x55d0c1a2b3c0 192.0.2.99 4102444800\n\n"
        let seeds = [
            [info + "\n", info, info + "\n"], [info + stranger, info + "\n"],
            [info + "0x1 192.0.2.10 17\n0x2 192.0.2.10 18\n\n", info + "\n\n", info + "\n"],
            [info + "\n", info, info + "0x1 192.0.2.10 -9223372036854775808\n\n", info + "\n"],
            [info + "0x1 192.0.2.10 9223372036854775807\n\n", info + "\n", info + "0x1 192.0.2.10 0\n\n"],
            ["Pid: 1\n\n\n", "Pid: 2\n\n\n", "Pid: 3\n\n"], ["", "\n"],
        ].map { Array($0.joined(separator: "\u{1e}").utf8) }
        let fuzzer = try Fuzzer(
            "HAProxy conversation", .bytes, corpus: Self.corpus, seeds: seeds, words: Self.words, longest: 4096)
        await fuzzer.run { try await Self.talk(to: proxy, $0) }
    }

    private static func talk(to proxy: StrangeProxy, _ input: [UInt8]) async throws -> String {
        proxy.begin(input)
        let (now, wall) = (BootTime(milliseconds: 1_000_000), Int64(1_700_000_000_000))
        let options = HAProxyOptions(
            folder: proxy.folder, sockets: [proxy.socket], clock: { now }, wall: { wall })
        let enforcer = try HAProxyEnforcer(options, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
        let backend = HAProxyBackend(socket: proxy.socket, list: .map(proxy.file), file: proxy.file)
        let definition = TargetDefinition(
            id: target(1), backend: .haproxy(backend), confirmed: true, purpose: .enforce)
        let alice = IPAddress.v4(0xc000_020a)
        let bob = IPAddress.v4(0xc000_020b)
        let member = Member(target: target(1), address: alice, deadline: now.adding(milliseconds: 60_000))
        let forEver = Member(target: target(1), address: bob, deadline: BootTime(milliseconds: .max))
        let defined = await enforcer.define([definition])[target(1)]
        let opened = await enforcer.apply([.open(member), .open(forEver)])
        let mended = await enforcer.reconcile([definition], [member, forEver])
        let closed = await enforcer.apply([.close(target: target(1), address: alice)])
        let end = (wall + 60_000) / 1000
        for command in proxy.commands() where command != "show info" && command != "show map \(proxy.file)" {
            let words = command.split(separator: " ", omittingEmptySubsequences: false)
            let isOurs = words.count >= 4 && words[1] == "map" && words[2] == proxy.file
            let names = isOurs && (words[3] == alice.description || words[3].wholeMatch(of: /#0x[0-9a-f]+/) != nil)
            switch words.first {
            case "del"? where names && words.count == 4: break
            case "add"? where names && words.count == 5 && words[3] == alice.description && Int64(words[4]) == end:
                break
            case "set"? where names && words.count == 5 && Int64(words[4]) == end: break
            default: throw BrokenRule("HAProxy is told \"\(command)\"")
            }
        }
        func word(_ outcome: KnocknocEnforcement.Outcome?) -> String {
            switch outcome {
            case .failed(let reason): String(reason.drop { $0 != ":" }.filter { !$0.isNumber }.prefix(40))
            default: "\(String(describing: outcome))"
            }
        }
        return "\(word(defined)) \(word(opened.first)) \(word(mended.targets[target(1)])) \(word(closed.first))"
    }
}
