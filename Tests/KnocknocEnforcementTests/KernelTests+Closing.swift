import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("what could not be closed")
    struct Closings {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        @Test("is tried again by every reconciling, reported by address, and told once it is done")
        func stuck() async throws {
            let enforcer = try network.enforcer()
            let alice = network.address(.alice)
            _ = await enforcer.define([guardTarget(1)])
            _ = await enforcer.apply([.open(member(1, alice))])
            let cutter = FailingCutter()
            try await enforcer.use(cutter)
            guard case .failed = await enforcer.apply([.close(target: target(1), address: alice)])[0] else {
                Issue.record("a cut that failed passed for done")
                return
            }
            let first = await enforcer.reconcile([guardTarget(1)], [])
            #expect(first.stuck.map(\.target) == [target(1)])
            #expect(first.stuck.map(\.address) == [alice])
            #expect(first.stuck.first?.reason.contains("cutting is broken") == true)
            #expect(await cutter.tried == 2)
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            await cutter.mend()
            await enforcer.retryUnfinished()
            #expect(await disturbances.next() == .changed)
            #expect(await enforcer.reconcile([guardTarget(1)], []).stuck.isEmpty)
        }

        @Test("is owed no more once the address is let in again; a cut of a member still is")
        func letInAgain() async throws {
            let enforcer = try network.enforcer()
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            let both = [member(1, alice), member(1, mallory)]
            _ = await enforcer.define([guardTarget(1)])
            _ = await enforcer.apply(both.map { .open($0) })
            let cutter = FailingCutter()
            try await enforcer.use(cutter)
            _ = await enforcer.apply([
                .close(target: target(1), address: alice), .cut(target: target(1), address: mallory),
            ])
            #expect(await enforcer.apply([.open(member(1, alice))]) == [.applied])
            let result = await enforcer.reconcile([guardTarget(1)], both)
            #expect(result.stuck.map(\.address) == [mallory])
            await cutter.mend()
            #expect(await enforcer.reconcile([guardTarget(1)], both).stuck.isEmpty)
        }
    }

    @Suite("a kernel that cannot end sockets")
    struct Unable {
        @Test("is found out by asking it for one that is not there: it can for internet sockets, not for local ones")
        func probe() throws {
            let socket = try NetlinkSocket(bus: 4)  // NETLINK_SOCK_DIAG
            #expect(SocketTable.canDestroy(UInt8(AF_INET), socket))
            #expect(!SocketTable.canDestroy(UInt8(AF_UNIX), socket))
        }
    }

    @Suite("what a server may not do")
    struct Limits {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        @Test(
            "put text of its own into the kernel",
            arguments: ["lo\" accept; add table inet owned; #", "eth0\" drop\nadd table inet owned\n#"])
        func injection(name: String) async throws {
            let enforcer = try network.enforcer()
            let hostile = guardTarget(1, interfaces: [name])
            let set = setTarget(2, ipv4: "x\nadd table inet owned\n#")
            let result = await enforcer.reconcile(
                [hostile, set, guardTarget(3)], [member(1, .v4(1)), member(2, .v4(1))])
            for number in [1, 2] as [UInt128] {
                guard case .failed(let reason) = result.targets[target(number)] else {
                    Issue.record("target \(number) was taken")
                    continue
                }
                #expect(reason.contains("name"))
            }
            #expect(result.targets[target(3)] == .applied)
            #expect(result.failures.count == 2)
            #expect(try !network.nft(.gateway, "list tables").contains("owned"))
        }

        @Test("keep a port closed that this host's own configuration frees")
        func freed() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            _ = await enforcer?.define([guardTarget(1), guardTarget(2, .tcp, [9001])])
            #expect(try !network.connects(.alice))
            enforcer = nil
            let next = try network.enforcer(NFTablesOptions(neverGuard: [9000]))
            _ = await next.define([guardTarget(1), guardTarget(2, .tcp, [9001])])
            #expect(try network.connects(.alice))
            let listing = try network.nft(.gateway, "list table inet knocknoc")
            #expect(!listing.contains(GuardName(target(1)).text) && listing.contains(GuardName(target(2)).text))
        }

        @Test("be enforced by two agents on one host: the second is refused until the first is gone; unguard is not")
        func alone() async throws {
            var first: NFTablesEnforcer? = try network.enforcer()
            #expect(await first?.define([guardTarget(1)]) == [target(1): .applied])
            let second = try network.enforcer()
            guard case .failed(let reason) = await second.define([guardTarget(2)])[target(2)] else {
                Issue.record("two agents on one host")
                return
            }
            #expect(reason.contains("another Knocknoc agent"))
            let removed = try network.on(.gateway) { try? Unguard.remove((.tcp, 9000), place: .given(nil)) }
            #expect(removed?.count == 1)
            first = nil
            #expect(await second.define([guardTarget(2)]) == [target(2): .applied])
        }

        @Test("have a guard confirmed that the next boot would not know; it is saved as soon as it can be")
        func unsaved() async throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kne-\(UUID())").path
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let enforcer = try network.enforcer(NFTablesOptions(skeletonPath: folder + "/guard.nft"))
            guard case .failed(let reason) = await enforcer.define([guardTarget(1)])[target(1)] else {
                Issue.record("a guard that was not saved passed for saved")
                return
            }
            #expect(reason.hasPrefix("in force, but not saved for the next boot: "))
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            await enforcer.retryUnfinished()
            #expect(await disturbances.next() == .changed)
            #expect(await enforcer.define([guardTarget(1)]) == [target(1): .applied])
        }

        @Test("bring back what was taken away by hand, even where the agent wrote it again before it heard of it")
        func markWins() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1)])
            #expect(try !network.connects(.alice))
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            // The mark beside a whole guard is what such a race leaves.
            try network.nft(.gateway, "add chain inet knocknoc \(GuardName(target(1)).mark)")
            #expect(await disturbances.next() == .guardRestored)
            #expect(try network.connects(.alice))
        }
    }
}
