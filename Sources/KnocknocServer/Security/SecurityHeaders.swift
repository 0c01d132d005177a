import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocModel

/// The headers of every answer.
struct SecurityHeaders: Sendable {
    private let fields: [HTTPField]

    /// - Parameter probes: where pages show their reader's other addresses.
    init(probes: [WebOrigin]) {
        let connect = (["'self'"] + probes.map(\.description)).joined(separator: " ")
        let policy =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src \(connect); "
            + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        fields =
            [
                HTTPField(name: .contentSecurityPolicy, value: policy),
                HTTPField(name: .xContentTypeOptions, value: "nosniff"),
            ] + Self.named.compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }
    }

    private static let named: [(String, String)] = [
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ]

    func apply(to headers: inout HTTPFields, https: Bool) {
        for field in fields { headers.append(field) }
        if https { headers[.strictTransportSecurity] = "max-age=31536000" }
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
    }
}
