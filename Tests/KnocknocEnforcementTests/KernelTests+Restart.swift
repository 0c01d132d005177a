import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

extension KernelTests {
    @Suite("restarts and damage")
    struct Restart {
        let network: TestNetwork

        init() throws { network = try TestNetwork() }

        @Test("a restart opens no moment for strangers and cuts none for members")
        func adoption() async throws {
            let probe = try DatagramProbe(network)
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            var enforcer: NFTablesEnforcer? = try network.enforcer()
            _ = await enforcer?.define([guardTarget(1, .udp)])
            let member = member(1, alice)
            _ = await enforcer?.apply([.open(member)])
            try probe.send(from: .alice)
            try probe.send(from: .mallory)
            #expect(probe.waitForArrival(from: alice))
            for _ in 0..<10 {
                enforcer = nil
                enforcer = try network.enforcer()
                let result = await enforcer?.reconcile([guardTarget(1, .udp)], [member])
                #expect(result?.added == 0 && result?.removed == 0)
                _ = await enforcer?.define([guardTarget(1, .udp), guardTarget(2, .tcp)])
                #expect(probe.waitForArrival(from: alice))
            }
            probe.stop()
            #expect(probe.arrivals(from: mallory).isEmpty)
            #expect(probe.missing(from: alice) == 0)
        }

        @Test("a member that ended while the agent was away is taken out, one whose time was shortened is shortened")
        func differences() async throws {
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            var first: NFTablesEnforcer? = try network.enforcer()
            _ = await first?.define([guardTarget(1)])
            _ = await first?.apply([.open(member(1, alice)), .open(member(1, mallory))])
            first = nil
            let second = try network.enforcer()
            let result = await second.reconcile([guardTarget(1)], [member(1, alice, seconds: 5)])
            #expect(result == Reconciliation(targets: [target(1): .applied], added: 0, removed: 1))
            let set = GuardName(target(1)).set(.v4)
            let left = try network.on(.gateway) { (try? SetReader().find(alice, in: set))??.expiration ?? 0 }
            #expect((1...5000).contains(left))
        }

        @Test(
            "a table that somebody flushed or deleted is closed again within 100 ms, its members let in",
            arguments: [
                "flush ruleset", "delete table inet knocknoc", "flush chain inet knocknoc ingress",
                "insert rule inet knocknoc ingress accept",
            ])
        func damage(command: String) async throws {
            let probe = try DatagramProbe(network)
            let (alice, mallory) = (network.address(.alice), network.address(.mallory))
            let enforcer = try network.enforcer()
            _ = await enforcer.define([guardTarget(1, .udp)])
            _ = await enforcer.apply([.open(member(1, alice))])
            try probe.send(from: .alice)
            try probe.send(from: .mallory)
            #expect(probe.waitForArrival(from: alice))
            #expect(probe.arrivals(from: mallory).isEmpty)
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            let start = Sockets.now()
            try network.nft(.gateway, command)
            #expect(await disturbances.next() == .guardRestored)
            #expect(probe.waitForSilence(from: mallory))
            let open = probe.arrivals(from: mallory).map(\.time)
            print("\(command): open for \((open.last ?? 0) - (open.first ?? 0)) ms")
            // The first stray datagram, or at the latest nft's own end, is the moment of the flush.
            #expect((open.last ?? start) - (open.first ?? start) <= 100)
            #expect(probe.waitForArrival(from: alice))
            probe.stop()
            #expect(probe.missing(from: alice) == 0)
        }

        @Test("a set that somebody emptied is told, and reconciling puts the members back")
        func foreignSet() async throws {
            try network.nft(.gateway, "add table inet filter")
            try network.nft(.gateway, "add set inet filter allowed4 { type ipv4_addr; flags timeout; }")
            let enforcer = try network.enforcer()
            let targets = [setTarget(1, ipv6: nil)]
            let alice = member(1, network.address(.alice))
            _ = await enforcer.reconcile(targets, [alice])
            var disturbances = enforcer.disturbances().makeAsyncIterator()
            try network.nft(.gateway, "flush set inet filter allowed4")
            #expect(await disturbances.next() == .changed)
            #expect(await enforcer.reconcile(targets, [alice]).added == 1)
        }

        @Test("the file closes the ports of a new boot before any agent runs, and an agent adopts it")
        func skeleton() async throws {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("kne-\(UUID()).nft").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            let enforcer = try network.enforcer(NFTablesOptions(skeletonPath: path))
            _ = await enforcer.define([guardTarget(1), guardTarget(2, .tcp, [9001], confirmed: false)])
            _ = await enforcer.apply([.open(member(1, network.address(.alice)))])
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            let boot = try TestNetwork()
            let service = try ChattyService(boot, .gateway, port: 9000)
            let trial = try ChattyService(boot, .gateway, port: 9001)
            defer {
                service.stop()
                trial.stop()
            }
            #expect(try boot.connects(.alice))
            try boot.nft(.gateway, "include \"\(path)\"")
            try boot.nft(.gateway, "include \"\(path)\"")
            #expect(try !boot.connects(.alice))
            #expect(try boot.connects(.alice, port: 9001), "a guard on trial ends with the boot")
            try boot.nft(.gateway, "flush ruleset")
            let next = try boot.enforcer(NFTablesOptions(skeletonPath: path))
            _ = await next.define([])
            #expect(try !boot.connects(.alice), "the agent loads the file where the table is missing")
        }

        @Test("taken away on the host, a guard stays away under a running agent and its next start")
        func unguard() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("kne-\(UUID()).nft").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            var enforcer: NFTablesEnforcer? = try network.enforcer(NFTablesOptions(skeletonPath: path))
            _ = await enforcer?.define([guardTarget(1), guardTarget(2, .tcp, [9001])])
            var disturbances = try #require(enforcer).disturbances().makeAsyncIterator()
            let removed = try network.on(.gateway) {
                try? Unguard.remove((.tcp, 9000), place: .remembered(otherwise: "/nonexistent/guard.nft"))
            }
            #expect(removed?.map(\.ports) == [[9000]])
            let written = try String(contentsOfFile: path, encoding: .utf8)
            #expect(!written.contains("dport 9000") && written.contains("dport 9001"))
            // In real life `unguard` is another process; here its own changes would pass for the enforcer's.
            try network.nft(.gateway, "add chain inet knocknoc elsewhere")
            #expect(await disturbances.next() == .changed, "nobody else has changed anything")
            #expect(try network.connects(.alice))
            guard case .failed(let reason) = await enforcer?.define([guardTarget(1)])[target(1)] else {
                Issue.record("the guard came back")
                return
            }
            #expect(reason.contains("knocknoc-agent unguard"))
            enforcer = nil
            let next = try network.enforcer(NFTablesOptions(skeletonPath: path))
            _ = await next.define([guardTarget(1)])
            #expect(try network.connects(.alice))
            disturbances = next.disturbances().makeAsyncIterator()
            try network.on(.gateway) { try? Unguard.undo(.remembered(otherwise: "/nonexistent/guard.nft")) }
            try network.nft(.gateway, "delete chain inet knocknoc elsewhere")
            while await disturbances.next() != .changed {}
            #expect(await next.define([guardTarget(1)]) == [target(1): .applied])
            #expect(try !network.connects(.alice))
        }

        @Test("what somebody else wrote into the table keeps unguard from nothing, and is in no file that root runs")
        func unguardForeign() async throws {
            let services = try [9000, 9001].map { try ChattyService(network, .gateway, port: $0) }
            defer { for service in services { service.stop() } }
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("kne-\(UUID()).nft").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            var enforcer: NFTablesEnforcer? = try network.enforcer(NFTablesOptions(skeletonPath: path))
            _ = await enforcer?.define([guardTarget(1), guardTarget(2, .tcp, [9001])])
            enforcer = nil
            let before = try String(contentsOfFile: path, encoding: .utf8)
            let chain = GuardName(target(2)).ingressDrop
            try network.nft(.gateway, "add rule inet knocknoc \(chain) tcp dport 1 drop comment \"a\ninclude b\"")
            let listed = try network.nft(.gateway, "list chain inet knocknoc \(chain)")
            let reason: String? = try network.on(.gateway) {
                do throws(EnforcementError) {
                    _ = try Unguard.remove((.tcp, 9000), place: .remembered(otherwise: "/nonexistent/guard.nft"))
                    return nil
                } catch {
                    return error.message
                }
            }
            let start = "open to everybody now: tcp 9000; but the boot file \(path) could not be written (the table"
            #expect(reason?.hasPrefix(start) == true, "\(String(describing: reason))")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == before)
            #expect(try network.nft(.gateway, "list chain inet knocknoc \(chain)") == listed, "it was rewritten")
            #expect(try network.connects(.alice))
            #expect(try !network.connects(.alice, port: 9001), "the other guard stays as it was")
        }

        @Test("where the boot file cannot be written, unguard says what is open all the same")
        func unguardUnsaved() async throws {
            let service = try ChattyService(network, .gateway, port: 9000)
            defer { service.stop() }
            // Without its record, as an earlier version left the table.
            var enforcer: NFTablesEnforcer? = try network.enforcer(NFTablesOptions(skeletonPath: nil))
            _ = await enforcer?.define([guardTarget(1)])
            enforcer = nil
            try network.nft(.gateway, "flush chain inet knocknoc boot_file")
            let reason: String? = try network.on(.gateway) {
                do throws(EnforcementError) {
                    _ = try Unguard.remove((.tcp, 9000), place: .remembered(otherwise: "/nonexistent/guard.nft"))
                    return nil
                } catch {
                    return error.message
                }
            }
            let start = "open to everybody now: tcp 9000; but the boot file /nonexistent/guard.nft"
            #expect(reason?.hasPrefix(start) == true)
            #expect(reason?.contains("--guard-file PATH") == true)
            #expect(try network.connects(.alice))
        }
    }
}
