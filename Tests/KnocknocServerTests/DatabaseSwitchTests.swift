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
        enum Happening: Hashable { case tried(String, SiteHistory?), paused(Duration), switched(String) }

        /// What is wrong with a URL; others work.
        let wrong = Mutex<[String: StoreError]>([:])
        /// How far the database in use has come; nil while it is away.
        let now = Mutex<SiteHistory?>(nil)
        /// Happens during the next try.
        let meanwhile = Mutex<(@Sendable () -> Void)?>(nil)
        let (events, changed) = AsyncStream<StoreEvent>.makeStream()
        let (happenings, happened) = AsyncStream<Happening>.makeStream()
        /// What each pause waits for.
        let (wakings, wake) = AsyncStream<Void>.makeStream()

        func follower(_ url: String) -> DatabaseSwitch {
            DatabaseSwitch(Way(url: url), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
                self.events
            } look: {
                guard let now = self.now.withLock({ $0 }) else { throw StoreError(.unavailable, "away") }
                return now
            } find: { url, seen in
                self.happened.yield(.tried(url, seen))
                self.meanwhile.withLock { $0.take() }?()
                if let wrong = self.wrong.withLock({ $0[url] }) { throw wrong }
            } redirect: { way in
                self.happened.yield(.switched(way.url))
            } pause: { duration in
                self.happened.yield(.paused(duration))
                for await _ in self.wakings { return }
                try Task.checkCancellation()
            }
        }
    }

    private static let (ours, later) = (history(1), history(2))
    private static let (old, new) = ("postgres://k:old@h/k", "postgres://k:new@h/k")
    private static let refused = StoreError(.unavailable, "password authentication failed", sqlState: "28P01")

    private static func history(_ moment: Int64) -> SiteHistory {
        let now = Timestamp(microseconds: moment)
        return SiteHistory(madeAt: Timestamp(microseconds: 0), epoch: "e", newest: [.new(at: now)])
    }

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
        world.wrong.withLock { $0[Self.new] = Self.refused }
        try await with(world, follower) {
            follower.follow(Way(url: Self.new))
            var seen: [World.Happening] = []
            for await happening in world.happenings {
                seen.append(happening)
                if happening == .paused(.seconds(15)) {
                    world.wrong.withLock { $0 = [:] }
                }
                if case .paused = happening { world.wake.yield() }
                if case .switched = happening { break }
            }
            let pauses = seen.compactMap { if case .paused(let duration) = $0 { duration } else { nil } }
            #expect(pauses == [1, 2, 4, 8, 15].map { .seconds($0) })
            #expect(seen.last == .switched(Self.new) && follower.switches == 1)
        }
    }

    @Test("another site's database or a copy is refused, and so is one that has no Knocknoc")
    func otherSite() async throws {
        for wrong in [StoreError(.configuration, "a copy"), StoreError(.missing, "nothing there")] {
            let world = World()
            let follower = world.follower(Self.old)
            #expect(follower.settle(on: Self.ours, since: 0))
            world.wrong.withLock { $0 = [Self.new: wrong] }
            try await with(world, follower) {
                follower.follow(Way(url: Self.new))
                var seen = world.happenings.makeAsyncIterator()
                #expect(await seen.next() == .tried(Self.new, Self.ours))
                follower.follow(Way(url: "postgres://h/right"))
                #expect(await seen.next() == .tried("postgres://h/right", Self.ours))
                #expect(await seen.next() == .switched("postgres://h/right"))
            }
        }
    }

    @Test("a new one has to have all that the one in use says at each try, or has said last where it is away")
    func newestSeen() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        #expect(follower.settle(on: Self.ours, since: 0))
        world.wrong.withLock { $0[Self.new] = Self.refused }
        world.now.withLock { $0 = Self.later }
        try await with(world, follower) {
            var seen = world.happenings.makeAsyncIterator()
            follower.follow(Way(url: Self.new))
            #expect(await seen.next() == .tried(Self.new, Self.later))
            #expect(await seen.next() == .paused(.seconds(1)))
            world.now.withLock { $0 = nil }
            world.wake.yield()
            #expect(await seen.next() == .tried(Self.new, Self.later))
        }
    }

    @Test("what changes is noted while the database is there to be asked")
    func watched() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        #expect(follower.settle(on: Self.ours, since: 0))
        world.now.withLock { $0 = Self.later }
        try await with(world, follower) {
            var seen = world.happenings.makeAsyncIterator()
            world.changed.yield(.everything)
            #expect(await seen.next() == .paused(.seconds(1)))
            world.now.withLock { $0 = nil }
            follower.follow(Way(url: Self.new))
            #expect(await seen.next() == .tried(Self.new, Self.later))
            #expect(await seen.next() == .switched(Self.new))
        }
    }

    @Test("the last reload counts: what is being tried ends, also where the file is as before again")
    func overtaken() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        world.wrong.withLock { $0[Self.new] = Self.refused }
        try await with(world, follower) {
            var seen = world.happenings.makeAsyncIterator()
            follower.follow(Way(url: Self.new))
            #expect(await seen.next() == .tried(Self.new, nil))
            #expect(await seen.next() == .paused(.seconds(1)))
            follower.follow(Way(url: Self.old))
            follower.follow(Way(url: Self.old, listenURL: Self.new))
            // The old URL answers; what has changed is the way for events.
            #expect(await seen.next() == .tried(Self.old, nil))
            #expect(await seen.next() == .switched(Self.old))
            #expect(follower.switches == 1)
            // Nobody is left who would try the one before, now that it would work.
            world.wrong.withLock { $0 = [:] }
            world.wake.yield()
            follower.follow(Way(url: "postgres://h/third"))
            #expect(await seen.next() == .tried("postgres://h/third", nil))
            #expect(await seen.next() == .switched("postgres://h/third"))
        }
    }

    @Test("a server that is not ready yet follows anywhere, and prepares again there")
    func starting() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        let before = follower.switches
        try await with(world, follower) {
            follower.follow(Way(url: Self.new))
            for await happening in world.happenings where happening == .switched(Self.new) { break }
        }
        #expect(!follower.settle(on: Self.ours, since: before))
        #expect(follower.settle(on: Self.later, since: follower.switches))
    }

    @Test("a server that becomes ready during a try asks again, now for what it has seen")
    func readyMeanwhile() async throws {
        let world = World()
        let follower = world.follower(Self.old)
        world.meanwhile.withLock { $0 = { _ = follower.settle(on: Self.ours, since: 0) } }
        try await with(world, follower) {
            var seen = world.happenings.makeAsyncIterator()
            follower.follow(Way(url: Self.new))
            #expect(await seen.next() == .tried(Self.new, nil))
            #expect(await seen.next() == .tried(Self.new, Self.ours))
            #expect(await seen.next() == .switched(Self.new))
        }
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
