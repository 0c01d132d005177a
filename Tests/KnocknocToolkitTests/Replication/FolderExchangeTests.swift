import Foundation
import KnocknocModel
import KnocknocSystem
import Lab
import Testing

@testable import KnocknocToolkit

@Suite("the standby's data takes the place of what was there")
struct FolderExchangeTests {
    private let folder: String
    private var data: String { folder + "/15/main" }
    private var copy: String { data + ".knocknoc-new" }
    private var kept: String { data + ".knocknoc-kept-1700000000" }

    init() throws {
        folder = try Lab.temporaryFolder("exchange").path
        for (name, text) in [(data, "old"), (copy, "new")] {
            try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: true)
            try SystemFile(name + "/what").replace(with: text)
        }
    }

    private func what(_ path: String) throws -> String? { try SystemFile(path + "/what").text() }

    @Test("in one step, and back, from wherever it stopped")
    func exchange() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try FolderExchange.swap(data, copy))
        #expect(try what(data) == "new" && what(copy) == "old")
        #expect(try FolderExchange.swap(data, copy))
        #expect(throws: SystemError.self) { try FolderExchange.swap(data, kept) }

        let exchange = try FolderExchange(data, copy: copy, kept: kept)
        try exchange.undo()
        #expect(try what(data) == "old" && what(copy) == "new")
        try exchange.carryOut()
        #expect(try what(data) == "new" && what(kept) == "old" && !SystemFile(copy).exists)
        try exchange.undo()
        #expect(try what(data) == "old" && what(copy) == "new" && !SystemFile(kept).exists)
        // Renamed and not exchanged.
        try FileManager.default.moveItem(atPath: copy, toPath: kept)
        try exchange.undo()
        #expect(try what(data) == "old" && what(copy) == "new" && !SystemFile(kept).exists)
        // As a file system that cannot exchange leaves it.
        try FileManager.default.moveItem(atPath: data, toPath: kept)
        try exchange.undo()
        #expect(try what(data) == "old" && what(copy) == "new" && !SystemFile(kept).exists)
    }

    @Test("what was killed in the middle says what to type")
    func brokenOff() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let start = "sudo pg_ctlcluster 15 main start"
        #expect(try #require(FolderExchange.brokenOff(below: folder)).hasSuffix(": \(start)"))
        // Somebody runs there.
        try SystemFile(data + "/postmaster.pid").replace(with: "\(getpid())\n")
        #expect(FolderExchange.brokenOff(below: folder) == nil)
        try FileManager.default.moveItem(atPath: data, toPath: kept)
        #expect(
            try #require(FolderExchange.brokenOff(below: folder)).hasSuffix(": sudo mv \(kept) \(data) && \(start)"))
        try FileManager.default.removeItem(atPath: kept)
        // A copy alone is not what the machine held.
        #expect(FolderExchange.brokenOff(below: folder) == nil)
    }

    @Test(
        "an init that was killed as the standby started is finished by the same command",
        .enabled(if: TestCluster.isPossible, "needs root and a PostgreSQL server"), .timeLimit(.minutes(5)))
    func again() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let pair = try await DatabasePair()
        try await pair.first.expose(.add([CIDR(DatabasePair.address)]))
        let text = try #require(try await pair.replica(pair.first).allow(DatabasePair.address).replicationString)
        let string = try ReplicationString(text)
        _ = try await pair.replica(pair.second).initialize(string)
        let whole = try pair.second.hba()
        #expect(String(decoding: whole, as: UTF8.self).contains("127.0.0.1/32"))
        try pair.second.write(Array("local all all trust\n".utf8), to: pair.second.hbaPath)
        #expect(try await pair.replica(pair.second).initialize(string).changed)
        #expect(try pair.second.hba() == whole)
        #expect(try await !pair.replica(pair.second).initialize(string).changed)
    }
}
