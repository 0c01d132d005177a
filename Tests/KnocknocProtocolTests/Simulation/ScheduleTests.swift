import Foundation
import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("Random schedules of faults")
struct ScheduleTests {
    /// `KNOCKNOC_SCHEDULES` sets how many schedules run, `KNOCKNOC_SCHEDULE` runs one by its number.
    static let count = ProcessInfo.processInfo.environment["KNOCKNOC_SCHEDULES"].flatMap(UInt64.init) ?? 10_000
    static let only = ProcessInfo.processInfo.environment["KNOCKNOC_SCHEDULE"].flatMap(UInt64.init)

    @Test("no address is open past its right, and both ends agree once the faults stop")
    func schedules() async {
        let seeds = Self.only.map { [$0] } ?? Array(0..<Self.count)
        let lanes = UInt64(ProcessInfo.processInfo.activeProcessorCount)
        let failures = await withTaskGroup(of: [String].self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    var found: [String] = []
                    for seed in seeds where seed % lanes == lane {
                        found += Self.run(seed)
                        if found.count > 5 { break }
                    }
                    return found
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(failures.isEmpty, "\(failures.prefix(10).joined(separator: "\n"))")
    }

    @Test("schedules that once broke a rule stay mended", arguments: [UInt64(29_039), 42_866, 74_720])
    func mended(_ seed: UInt64) { #expect(Self.run(seed).isEmpty) }

    static func run(_ seed: UInt64) -> [String] {
        let world = World(seed: seed)
        world.isTraced = only != nil
        world.startAgent()
        world.schedule(.compare, in: 1000)
        for _ in 0..<14 { world.schedule(.decide, in: world.random.pick(0...30_000)) }
        for _ in 0..<world.random.pick(0...7) { world.schedule(.fault, in: world.random.pick(100...30_000)) }
        world.advance(to: world.now + 45_000)
        world.isCalm = true
        world.compareKernel()
        for link in world.links.indices { world.links[link].stall = 0 }
        world.advance(to: world.now + 26_000)
        world.agree()
        let trace = only == nil ? "" : "\n" + world.trace.joined(separator: "\n")
        return world.violations.map { "schedule \(seed): \($0)\(trace)" }
    }
}

extension World {
    /// Both ends and the kernel hold the same, or say what they do not.
    func agree() {
        guard let agent, violations.isEmpty else { return }
        if agent.position != store.position {
            violations.append("the agent stands at \(String(describing: agent.position)), not \(store.position)")
        }
        if agent.confirmed != agent.position { violations.append("not confirmed") }
        if store.applied != store.revision {
            violations.append("the store believes \(store.applied) applied of \(store.revision)")
        }
        let refused = Set(store.failures.compactMap(\.entry))
        if !rewound, !store.failures.isEmpty { violations.append("failures without a rewind: \(store.failures)") }
        var wanted: [MemberKey: Int64] = [:]
        let rights = Set(store.rows.filter { $0.value.entry.expiresAt != nil }.compactMap { keys[$0.key] })
        for (id, row) in store.rows {
            guard let expires = row.entry.expiresAt, !refused.contains(id), let key = keys[id] else { continue }
            wanted[key] = max(wanted[key] ?? 0, expires.microseconds / 1000)
        }
        for (key, until) in wanted where until > now + 20_000 {
            // Delay shortens, by the uplink's and by the lateness of the estimate.
            guard let open = kernel[key], open <= until, open >= until - 20_000 else {
                violations.append(
                    "\(key.address) is wanted until \(until), open until \(String(describing: kernel[key])), now \(now)"
                )
                continue
            }
        }
        for key in kernel.keys where !rights.contains(key) {
            violations.append("\(key.address) is open and not wanted")
        }
        // What has just run out is about to be cut.
        for key in flows where kernel[key] == nil && !hasForgotten && (rightUntil(key) ?? 0) < now - 2000 {
            violations.append("a flow of \(key.address) on \(key.target) has outlived its end")
        }
    }
}
