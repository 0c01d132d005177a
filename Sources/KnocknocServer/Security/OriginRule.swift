import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocModel

/// Whether a browser says that a write comes from our own pages.
enum OriginRule {
    enum Verdict { case same, foreign, unsaid }

    static func verdict(_ request: Request, https: Bool, publicURL: WebOrigin?) -> Verdict {
        if let site = request.headers[.secFetchSite] { return site == "same-origin" ? .same : .foreign }
        let sources = request.headers[values: .origin]
        if sources.count > 1 { return .foreign }
        if let origin = sources.first {
            guard let given = WebOrigin(origin) else { return .foreign }
            if given == publicURL { return .same }
            guard let authority = request.head.authority, let (host, port) = splitAuthority(authority[...]) else {
                return .foreign
            }
            return given == WebOrigin(secure: https, host: host, port: port) ? .same : .foreign
        }
        return .unsaid
    }
}

extension HTTPField.Name {
    // The names are constants that the parser accepts, so the fallbacks never come to be.
    static let secFetchSite = Self("Sec-Fetch-Site") ?? .origin
    static let csrfToken = Self("X-CSRF-Token") ?? .authorization
    static let forwardedFor = Self("X-Forwarded-For") ?? .origin
    static let forwardedProto = Self("X-Forwarded-Proto") ?? .origin
    static let requestID = Self("X-Request-ID") ?? .server
}
