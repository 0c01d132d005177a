import HTTPTypes
import Hummingbird
import HummingbirdCore

/// The headers of every answer.
enum SecurityHeaders {
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

    private static let fixed: [(HTTPField.Name, String)] = [
        (.contentSecurityPolicy, policy),
        (.xContentTypeOptions, "nosniff"),
    ]

    private static let named: [(String, String)] = [
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ]

    private static let fields: [HTTPField] =
        fixed.map { HTTPField(name: $0.0, value: $0.1) }
        + named.compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }

    static func apply(to headers: inout HTTPFields, https: Bool) {
        for field in fields { headers.append(field) }
        if https { headers[.strictTransportSecurity] = "max-age=31536000" }
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
    }
}
