import KnocknocModel

/// What lets a target's members through. Behind one port there may be several, each before a service of its own: what
/// one of them lets through says nothing about flows that another one let in.
enum Gate: Hashable, Sendable {
    /// Our own rules: they refuse every packet of whoever is no member, so that a flow which goes on is let through by
    /// somebody.
    case guards
    case sets([IPAddress.Family: ElementSet])
    case proxy(ProxyList)
    case script(ScriptLane.Key)
    case allowList(AllowListID?)

    /// Whether flows that this one let in are let through by `other` as well.
    func isCovered(by other: Gate, _ family: IPAddress.Family) -> Bool {
        switch (self, other) {
        case (.guards, _): true
        case (.sets(let own), .sets(let others)): own[family].map { $0 == others[family] } ?? false
        default: self == other
        }
    }
}

/// A flow that was cut.
struct CutFlow: Hashable, Sendable {
    /// Until when its packets are dropped.
    var until: BootTime
    /// What had let it in, as far as anybody can tell; nil where an earlier run of the agent cut it.
    var gates: Set<Gate>?
}

extension Backend {
    /// Which allow list it is; nil for another backend.
    var list: AllowListID? { if case .allowList(let value) = self { value.service?.id } else { nil } }
}
