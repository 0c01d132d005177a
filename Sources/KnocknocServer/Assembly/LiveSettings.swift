import KnocknocModel
import Synchronization

/// What a reload changes while the server runs.
final class LiveSettings: Sendable {
    private struct Values {
        var rule: ClientAddressRule
        var fingerprint: String?
        var pin: String?
    }

    private let values: Mutex<Values>

    /// - Parameters:
    ///   - fingerprint: of the certificate that the server begins with.
    ///   - pin: of that one's key.
    init(_ settings: ServerSettings, fingerprint: String?, pin: String?) {
        var isOwn = false
        if case .selfSigned = settings.tls { isOwn = true }
        values = Mutex(
            Values(rule: Self.rule(settings), fingerprint: isOwn ? fingerprint : nil, pin: isOwn ? pin : nil))
    }

    var addressRule: ClientAddressRule { values.withLock { $0.rule } }

    /// Of the certificate that we made ourselves and show now; nil with any other, which changes when it is renewed.
    var fingerprint: String? { values.withLock { $0.fingerprint } }

    /// Of the same certificate's key, for curl.
    var pin: String? { values.withLock { $0.pin } }

    /// - Parameter hasNewCertificate: whether connections are shown a certificate of these settings' files from now on.
    func apply(_ settings: ServerSettings, hasNewCertificate: Bool) {
        let rule = Self.rule(settings)
        values.withLock {
            $0.rule = rule
            if hasNewCertificate { ($0.fingerprint, $0.pin) = (nil, nil) }
        }
    }

    private static func rule(_ settings: ServerSettings) -> ClientAddressRule {
        ClientAddressRule(trustedForwarders: settings.trustedForwarders, allowsLoopback: settings.allInOne)
    }
}
