import Foundation
import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("faults of this machine")
    struct Faults {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        @Test("so slow that a timeout could outlive its access: the address is taken out and the step fails")
        func slow() async throws {
            let start = BootClock.now()
            let calls = Mutex(0)
            var options = NFTablesOptions()
            options.networkNamespacePath = network.path(.gateway)
            // Three times as much has passed at every look.
            let enforcer = try NFTablesEnforcer(options) {
                let count = calls.withLock { value in
                    defer { value += 1 }
                    return min(value, 14)
                }
                return start.adding(milliseconds: (0..<count).reduce(10) { passed, _ in passed * 3 })
            }
            _ = await enforcer.define([guardTarget(1)])
            let alice = Member(
                target: target(1), address: network.address(.alice),
                deadline: start.adding(milliseconds: 10_000_000_000))
            guard case .failed(let reason) = await enforcer.apply([.open(alice)])[0] else {
                Issue.record("an element that may stay too long passed for right")
                return
            }
            #expect(reason.contains("too slow"))
            #expect(try isThere(alice.address, in: GuardName(target(1)).set(.v4)) == false)
        }

        @Test("one guard that the kernel refuses leaves nothing else undone")
        func oneRefused() async throws {
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1), guardTarget(3, .tcp, [9003])])
            let alice = network.address(.alice)
            _ = await enforcer.apply([.open(member(3, alice))])
            // A set of that name and another type is in the way of the second guard.
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            try network.nft(.gateway, "add set \(GuardName(target(2)).set(.v4)) { type ipv6_addr; }")
            #expect(await disturbances.next() == .guardRestored)
            let outcomes = await enforcer.define([guardTarget(1, .tcp, [9000, 9001]), guardTarget(2, .tcp, [9002])])
            #expect(outcomes[target(1)] == .applied)
            guard case .failed = outcomes[target(2)] else {
                Issue.record("a guard that is not there passed for there")
                return
            }
            #expect(try network.nft(.gateway, "list table inet knocknoc").contains("9001"))
            #expect(
                try isThere(alice, in: GuardName(target(3)).set(.v4)) == false,
                "members of a guard that nobody wants any more are gone")
        }

        @Test("events were lost: the table is written again only where it differs, and not all the time")
        func lost() async throws {
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1)])
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            await enforcer.lose()
            #expect(await disturbances.next() == .guardRestored)
            #expect(await disturbances.next() == .changed)
            await enforcer.lose()
            #expect(await disturbances.next() == .changed)
        }

        /// - Returns: nil where it could not be looked for.
        private func isThere(_ address: IPAddress, in set: TableSet) throws -> Bool? {
            try network.on(.gateway) { () -> Bool? in
                do throws(EnforcementError) {
                    return try SetReader().find(address, in: set) != nil
                } catch {
                    return nil
                }
            }
        }

        @Test("nobody hears the kernel's events any more: another listener is started")
        func deaf() async throws {
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1)])
            await enforcer.watcherEnded()
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            try network.nft(.gateway, "delete table inet knocknoc")
            #expect(await disturbances.next() == .guardRestored)
            #expect(try network.nft(.gateway, "list table inet knocknoc").contains(GuardName(target(1)).ingressDrop))
        }
    }
}

extension NFTablesEnforcer {
    /// Events are lost, longer than the pause after the last loss.
    fileprivate func lose() async {
        lastLoss = nil
        await lookAfterLoss()
    }
}
