public import Foundation
import Testing

/// Feeds a parser what it does not expect, for a while: inputs of a kept corpus, then changes of them, and of whatever made
/// the parser say something that it had not said before (docs/decisions/0014).
///
/// `KNOCKNOC_FUZZ_SECONDS` sets how long each runs (20), `KNOCKNOC_FUZZ_SEED` has a run again.
public struct Fuzzer: Sendable {
    /// How inputs are changed.
    public enum Form: Sendable { case bytes, json }

    /// How long each fuzzer runs, in seconds.
    public static let seconds =
        ProcessInfo.processInfo.environment["KNOCKNOC_FUZZ_SECONDS"].flatMap(Double.init) ?? 20
    private static let seed =
        ProcessInfo.processInfo.environment["KNOCKNOC_FUZZ_SEED"].flatMap(UInt64.init) ?? .random(in: 1...999_999_999)
    /// Inputs that are changed further.
    private static let pool = 2000
    /// What the whole process may grow by, in MiB.
    private static let growth = 512

    private let name: String
    private let form: Form
    private let corpus: [[UInt8]]
    private let words: [[UInt8]]
    private let longest: Int

    /// - Parameters:
    ///   - corpus: the folder of kept inputs, one a file.
    ///   - seeds: further inputs to begin with.
    ///   - words: what the parser looks for.
    ///   - longest: the longest input, in bytes.
    public init(
        _ name: String, _ form: Form, corpus folder: URL, seeds: [[UInt8]] = [], words: [String], longest: Int = 65536
    ) throws {
        self.name = name
        self.form = form
        self.longest = longest
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        corpus = try files.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) } + seeds
        self.words = words.map { Array($0.utf8) }
    }

    /// - Parameter check: what it returns stands for how the input was taken; what it throws is a rule that was broken.
    public func run(_ check: ([UInt8]) async throws -> String) async {
        print("fuzz \(name): seed \(Self.seed), \(Int(Self.seconds)) s, \(corpus.count) inputs to begin with")
        let slot = FuzzSlot(name)
        defer { slot.finish() }
        let before = Self.resident()
        var random = Randomness(seed: Self.seed)
        var seen: Set<String> = []
        var pool: [[UInt8]] = []
        var count = 0
        /// - Returns: false where a rule was broken.
        func take(_ input: [UInt8]) async -> Bool {
            slot.begin(input)
            defer { slot.end() }
            count += 1
            do {
                let signature = try await check(input)
                guard seen.insert(String(signature.prefix(200))).inserted else { return true }
                if pool.count < Self.pool { pool.append(input) } else { pool[random.below(pool.count)] = input }
                return true
            } catch {
                let hex = input.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
                let text =
                    "fuzz \(name), seed \(Self.seed): \(error)\n\(String(decoding: input.prefix(4000), as: UTF8.self))"
                Issue.record("\(text)\nkeep it in the corpus (xxd -r -p): \(hex)")
                return false
            }
        }
        for input in corpus where await !take(input) { return }
        // What counts is the time of its own turns: others of this process have theirs.
        var spent = Duration.zero
        while spent < .seconds(Self.seconds) {
            await Task.yield()
            let begun = ContinuousClock.now
            while ContinuousClock.now - begun < .milliseconds(20) {
                var input = random.pick(pool.isEmpty || random.chance(20) ? corpus : pool)
                for _ in 0...random.below(5) { input = change(input, &random, pool) }
                guard await take(Array(input.prefix(longest))) else { return }
            }
            spent += ContinuousClock.now - begun
        }
        let grown = Self.resident() - before
        print("fuzz \(name): \(count) inputs, taken in \(seen.count) ways, \(grown) MiB more")
        #expect(grown < Self.growth, "fuzz \(name): the process grew by \(grown) MiB")
    }

    private func change(_ input: [UInt8], _ random: inout Randomness, _ pool: [[UInt8]]) -> [UInt8] {
        let other = random.pick(random.chance(50) && !pool.isEmpty ? pool : corpus)
        if form == .json, random.chance(80) { return JSONMutations.apply(input, other, words, &random) }
        return ByteMutations.apply(input, other, words, &random)
    }

    /// What this process has in memory, in MiB.
    private static func resident() -> Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE))) >> 20
    }
}

/// A rule that an input has broken.
public struct BrokenRule: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
