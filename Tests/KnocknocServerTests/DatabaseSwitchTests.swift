import KnocknocModel
import KnocknocStore
import Logging
import Synchronization
import Testing

@testable import KnocknocServer

@Suite("a DatabaseURL that a reload changes", .timeLimit(.minutes(1)))
struct DatabaseSwitchTests {
    private typealias Way = DatabaseSwitch.Way

    /// Databases that answer as told, and what became of the tries.
    private final class World: Sendable {
        enum Happening: Hashable { case tried(String), paused(Duration), switched(String) }

        let answers = Mutex<[String: Result<SiteIdentity, StoreError>]>([:])
        let (happenings, happened) = AsyncStream<Happening>.makeStream()
        /// What each pause waits for.
        let (wakings, wake) = AsyncStream<Void>.makeStream()

        func follower(_ url: String) -> DatabaseSwitch {
            DatabaseSwitch(Way(url: url), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { url in
                self.happened.yield(.tried(url))
                return try self.answers.withLock { $0[url] }?.get() ?? SiteIdentity(madeAt: Timestamp(microseconds: 0))
            } redirect: { way in
                self.happened.yield(.switched(way.url))
            } pause: { duration in
                self.happened.yield(.paused(duration))
                for await _ in self.wakings { return }
                try Task.checkCancellation()
            }
        }
    }

    private static let (ours, theirs) = (
        SiteIdentity(madeAt: Timestamp(microseconds: 1)), SiteIdentity(madeAt: Timestamp(microseconds: 2))
    )
    private static let (old, new) = ("postgres://k:old@h/k", "postgres://k:new@h/k")
    private static let refused = StoreError(.unavailable, "password authentication failed", sqlState: "28P01")

    private func with(_ world: World, _ follower: DatabaseSwitch, _ body: () async throws -> Void) async throws {
        let running = Task { try await follower.run() }
        try await body()
        world.wake.finish()
        running.cancel()
        _ = await running.result
    }

    @Test("it is tried until it works, ever more seldom, and then taken")
    func waiting() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        #expect(follower.settle(on: Self.ours, since: 0))
        world.answers.withLock { $0[Self.new] = .failure(Self.refused) }
        try await with(world, follower) {
            follower.follow(Way(url: Self.new))
            var seen: [World.Happening] = []
            for await happening in world.happenings {
                seen.append(happening)
                if happening == .paused(.seconds(15)) {
                    world.answers.withLock { $0[Self.new] = .success(Self.ours) }
                }
                if case .paused = happening { world.wake.yield() }
                if case .switched = happening { break }
            }
            let pauses = seen.compactMap { if case .paused(let duration) = $0 { duration } else { nil } }
            #expect(pauses == [1, 2, 4, 8, 15].map { .seconds($0) })
            #expect(seen.last == .switched(Self.new) && follower.switches == 1)
        }
    }

    @Test("another site's database is refused, and so is one that has no Knocknoc")
    func otherSite() async throws {
        for answer in [.success(Self.theirs), .failure(StoreError(.missing, "nothing there"))]
            as [Result<SiteIdentity, StoreError>]
        {
            let world = World()
            let follower = world.follower(Self.old)
            #expect(follower.settle(on: Self.ours, since: 0))
            world.answers.withLock { $0 = [Self.new: answer, "postgres://h/right": .success(Self.ours)] }
            try await with(world, follower) {
                follower.follow(Way(url: Self.new))
                var seen = world.happenings.makeAsyncIterator()
                #expect(await seen.next() == .tried(Self.new))
                follower.follow(Way(url: "postgres://h/right"))
                #expect(await seen.next() == .tried("postgres://h/right"))
                #expect(await seen.next() == .switched("postgres://h/right"))
            }
        }
    }

    @Test("the last reload counts: what is being tried ends, also where the file is as before again")
    func overtaken() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        world.answers.withLock { $0[Self.new] = .failure(Self.refused) }
        try await with(world, follower) {
            var seen = world.happenings.makeAsyncIterator()
            follower.follow(Way(url: Self.new))
            #expect(await seen.next() == .tried(Self.new))
            #expect(await seen.next() == .paused(.seconds(1)))
            follower.follow(Way(url: Self.old))
            follower.follow(Way(url: Self.old, listenURL: Self.new))
            // The old URL answers; what has changed is the way for events.
            #expect(await seen.next() == .tried(Self.old))
            #expect(await seen.next() == .switched(Self.old))
            #expect(follower.switches == 1)
            // Nobody is left who would try the one before, now that it would work.
            world.answers.withLock { $0[Self.new] = .success(Self.ours) }
            world.wake.yield()
            follower.follow(Way(url: "postgres://h/third"))
            #expect(await seen.next() == .tried("postgres://h/third"))
            #expect(await seen.next() == .switched("postgres://h/third"))
        }
    }

    @Test("a server that is not ready yet follows anywhere, and prepares again there")
    func starting() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        let before = follower.switches
        world.answers.withLock { $0[Self.new] = .success(Self.theirs) }
        try await with(world, follower) {
            follower.follow(Way(url: Self.new))
            for await happening in world.happenings where happening == .switched(Self.new) { break }
        }
        #expect(!follower.settle(on: Self.ours, since: before))
        #expect(follower.settle(on: Self.theirs, since: follower.switches))
    }

    @Test("what cannot be right is refused before anything else is taken over, without the password")
    func checked() throws {
        let follower = World().follower(Self.old)
        try follower.check(Way(url: Self.new, listenURL: Self.old))
        for wrong in [
            Way(url: "sqlite:///var/k.db"), Way(url: "postgres://k:s3cret@h/k?nonsense=1"),
            Way(url: Self.new, listenURL: "sqlite:///var/k.db"),
        ] {
            let error = #expect(throws: StoreError.self) { try follower.check(wrong) }
            #expect(error?.code == .configuration && error?.message.contains("s3cret") == false)
        }
        let file = World().follower("sqlite:///var/k.db")
        try file.check(Way(url: "sqlite:///var/k.db"))
        #expect(throws: StoreError.self) { try file.check(Way(url: Self.new)) }
    }
}
