import KnocknocModel

extension AgentMachine {
    /// What all failures of one report may take of a message of 1 MiB, in bytes.
    static let reportBytes = 700_000

    /// Tells the server how far everything is done, where that is news on this link.
    mutating func report() -> [AgentEffect] {
        guard var link, link.synced, let welcome = link.welcome, let confirmed, let position,
            confirmed.epoch == position.epoch, confirmed.revision <= position.revision
        else { return [] }
        let message = AgentMessage.Applied(
            linkEpoch: welcome.linkEpoch, revision: confirmed.revision, failures: failures(),
            dryRun: dryRun.sorted())
        guard message != link.reported || drift != nil else { return [] }
        link.reported = message
        self.link = link
        var told = message
        (told.drift, drift) = (drift, nil)
        return [.send(.applied(told))]
    }

    /// What enforces was not as wanted, and was mended: told with the next report, on the next link where there is none.
    public mutating func drifted(_ found: AgentMessage.Drift) { drift = drift.map { $0 + found } ?? found }

    /// Every target and entry that is not in force as the server wants it.
    private func failures() -> [Failure] {
        if targetFailures.isEmpty, memberFailures.isEmpty, refusals.isEmpty, trials.isEmpty, lapsed.isEmpty {
            return []
        }
        var whole = targetFailures.map { Failure(target: $0.key, entry: nil, reason: $0.value) }
        for id in trials.keys where isReverted(id) {
            whole.append(
                Failure(target: id, entry: nil, reason: "nobody confirmed the guard in time; it was taken back"))
        }
        whole += lapsed.sorted().filter { targets[$0]?.definition.purpose == .enforce && targetFailures[$0] == nil }.map
        {
            Failure(target: $0, entry: nil, reason: Self.lapsedReason)
        }
        var closings: [Failure] = []
        var openings = Array(refusals.values)
        let gone = Dictionary(grouping: removals.values.map(\.removal)) {
            MemberKey(target: $0.target, address: $0.address)
        }
        for (key, reason) in memberFailures {
            // Where the target itself has failed that says it for all who are to be let in.
            if members[key] != nil, targetFailures[key.target] != nil { continue }
            let concerned = entriesByMember[key] ?? gone[key]?.map(\.entry) ?? []
            let list = concerned.map { Failure(target: key.target, entry: $0, reason: reason) }
            if members[key] == nil { closings += list } else { openings += list }
        }
        var list = (whole + closings + openings).map { $0.shortened(to: 500) }
        if list.reduce(0, { $0 + $1.bytes }) > Self.reportBytes {
            list = (whole + Self.summed(openings)).map { $0.shortened(to: 500) } + closings.map { $0.shortened(to: 60) }
        }
        return list.sorted { ($0.target, $0.entry ?? EntryID(value: 0)) < ($1.target, $1.entry ?? EntryID(value: 0)) }
    }

    /// Too many to name each: their target is then said to have failed.
    private static func summed(_ openings: [Failure]) -> [Failure] {
        Dictionary(grouping: openings, by: \.target).map { target, list in
            let example = list.min { ($0.entry ?? EntryID(value: 0)) < ($1.entry ?? EntryID(value: 0)) }
            return Failure(
                target: target, entry: nil,
                reason: "\(list.count) entries are not in force, one of them because: \(example?.reason ?? "")")
        }
    }
}

extension Failure {
    /// The reason's first bytes, without what JSON makes longer.
    fileprivate func shortened(to limit: Int) -> Failure {
        var failure = self
        let plain = reason.utf8.prefix(limit).map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }
        failure.reason = String(decoding: plain, as: UTF8.self)
        return failure
    }

    /// What it takes in a message at most: two identifiers, names and a reason of which every byte may be escaped.
    fileprivate var bytes: Int { 160 + reason.utf8.count * 2 }
}
