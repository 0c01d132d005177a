import KnocknocModel
import Synchronization

/// What a reload changes while the server runs.
final class LiveSettings: Sendable {
    private struct Values {
        var rule: ClientAddressRule
        var fingerprint: String?
    }

    private let values: Mutex<Values>

    /// - Parameter fingerprint: of the certificate that the server begins with.
    init(_ settings: ServerSettings, fingerprint: String?) {
        var isOwn = false
        if case .selfSigned = settings.tls { isOwn = true }
        values = Mutex(Values(rule: Self.rule(settings), fingerprint: isOwn ? fingerprint : nil))
    }

    var addressRule: ClientAddressRule { values.withLock { $0.rule } }

    /// Of the certificate that we made ourselves and show now; nil with any other, which changes when it is renewed.
    var fingerprint: String? { values.withLock { $0.fingerprint } }

    /// - Parameter hasNewCertificate: whether connections are shown a certificate of these settings' files from now on.
    func apply(_ settings: ServerSettings, hasNewCertificate: Bool) {
        let rule = Self.rule(settings)
        values.withLock {
            $0.rule = rule
            if hasNewCertificate { $0.fingerprint = nil }
        }
    }

    private static func rule(_ settings: ServerSettings) -> ClientAddressRule {
        ClientAddressRule(trustedForwarders: settings.trustedForwarders, allowsLoopback: settings.allInOne)
    }
}
