import HTTPTypes
import Hummingbird
import HummingbirdCore

/// The cookies of Knocknoc: `__Host-` prefixed and Secure under https, plain names otherwise (RFC 6265bis §4.1.3.2).
enum SessionCookie: String, Sendable {
    case user = "knocknoc"
    case admin = "knocknoc-admin"
    /// Binds a sign-in form to the browser that asked for it.
    case preSession = "knocknoc-form"

    func name(https: Bool) -> String { https ? "__Host-" + rawValue : rawValue }

    func value(_ request: Request, https: Bool) -> String? {
        let wanted = name(https: https)
        for line in request.headers[values: .cookie] {
            for pair in line.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == wanted else { continue }
                return String(parts[1])
            }
        }
        return nil
    }

    /// A session's cookie: no Max-Age, since the session's end is the server's matter.
    func set(_ value: String, https: Bool) -> String {
        "\(name(https: https))=\(value); Path=/; HttpOnly; SameSite=Lax" + (https ? "; Secure" : "")
    }

    func cleared(https: Bool) -> String {
        "\(name(https: https))=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0" + (https ? "; Secure" : "")
    }
}

extension Response {
    /// Adds a Set-Cookie line.
    func adding(cookie: String) -> Response {
        var copy = self
        copy.headers.append(HTTPField(name: .setCookie, value: cookie))
        return copy
    }
}
