import KnocknocModel
import Synchronization

/// The settings that a reload changes while the server runs.
final class LiveSettings: Sendable {
    private let rule: Mutex<ClientAddressRule>

    init(_ settings: ServerSettings) {
        rule = Mutex(Self.rule(settings))
    }

    var addressRule: ClientAddressRule { rule.withLock { $0 } }

    func apply(_ settings: ServerSettings) {
        let new = Self.rule(settings)
        rule.withLock { $0 = new }
    }

    private static func rule(_ settings: ServerSettings) -> ClientAddressRule {
        ClientAddressRule(trustedForwarders: settings.trustedForwarders, allowsLoopback: settings.allInOne)
    }
}
