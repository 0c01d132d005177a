import HTTPTypes
import Hummingbird
import KnocknocAccess
import KnocknocModel
import KnocknocStore

extension Problem {
    /// What a client is told about an error of any layer; nothing of an unexpected one.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as AccessError: self.init(access: error)
        case let error as StoreError: self.init(store: error)
        case let error as ModelError: self = .invalid(Sentence.of(error.message))
        case let error as any HTTPResponseError: self.init(status: error.status)
        default: self = .internalError
        }
    }

    /// A wrong name or password: the caller did what "Sign in first" would ask for.
    static func signInRefused(_ error: AccessError) -> Problem {
        var problem = Problem(error)
        problem.title = "Sign-in refused"
        return problem
    }

    private init(status: HTTPResponse.Status) {
        switch status {
        case .notFound: self = .notFound("nothing at this address")
        case .contentTooLarge: self = .tooLarge(limit: RequestBodyLimit.bytes)
        default: self.init(status, "http", status.reasonPhrase, "\(status.reasonPhrase).")
        }
    }

    private init(store error: StoreError) {
        switch error.code {
        case .unavailable, .unknownOutcome, .locked:
            self = .unavailable("The database does not answer. Try again in a moment.")
        case .schemaTooNew, .schemaTooOld:
            self = .unavailable("The database is not at a version that this server can use.", retryAfter: 10)
        default: self = .internalError
        }
    }

    private init(access error: AccessError) {
        let text = Sentence.of(error.message)
        switch error.code {
        case .notFound:
            self = Problem(.notFound, "not-found", "Not found", text, field: error.field)
        case .duplicate:
            self = Problem(.conflict, "duplicate", "Already there", text, field: error.field)
        case .stale:
            self = Problem(.preconditionFailed, "stale", "Changed by somebody else", text)
        case .invalid:
            self = .invalid(text, field: error.field)
        case .unauthenticated:
            self = .unauthenticated(text)
        case .forbidden:
            self = .forbidden(text)
        case .confirmation:
            self = Problem(.conflict, "confirmation", "Confirm that it is you", text, field: error.field)
        case .declared:
            self = Problem(.conflict, "declared", "Declared by a file", text)
        case .throttled:
            self = .throttled(text, retryAfter: error.retryAfter ?? 900)
        case .busy:
            self = .unavailable(text, retryAfter: error.retryAfter ?? 2)
        default:
            self = .internalError
        }
    }
}
