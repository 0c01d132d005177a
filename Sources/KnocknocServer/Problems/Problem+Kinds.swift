import HTTPTypes

extension Problem {
    static func notFound(_ what: String) -> Problem {
        Problem(.notFound, "not-found", "Not found", "There is \(what).")
    }

    static func invalid(_ detail: String, field: String? = nil) -> Problem {
        Problem(.badRequest, "invalid", "The request cannot be used", detail, field: field)
    }

    static func unauthenticated(_ detail: String) -> Problem {
        Problem(.unauthorized, "unauthenticated", "Sign in first", detail)
            .with(.wwwAuthenticate, "Bearer realm=\"knocknoc\"")
    }

    static func forbidden(_ detail: String, kind: String = "forbidden") -> Problem {
        Problem(.forbidden, kind, "Not allowed", detail)
    }

    static func tooLarge(limit: Int) -> Problem {
        Problem(
            .contentTooLarge, "too-large", "The body is too large", "A request's body may have at most \(limit) bytes.")
    }

    static func unavailable(_ detail: String, retryAfter seconds: Int = 2) -> Problem {
        Problem(.serviceUnavailable, "unavailable", "Not available now", detail).with(.retryAfter, String(seconds))
    }

    static func throttled(_ detail: String, retryAfter seconds: Int) -> Problem {
        Problem(.tooManyRequests, "throttled", "Too many failed sign-ins", detail)
            .with(.retryAfter, String(max(1, seconds)))
    }

    static let internalError = Problem(
        .internalServerError, "internal", "Something went wrong here",
        "The server could not finish the request; its log has the reason beside this request's id.")
}
