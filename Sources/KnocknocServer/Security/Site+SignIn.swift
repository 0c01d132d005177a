import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

extension Site {
    /// Refuses a sign-in whose password would travel in the clear beyond this machine.
    ///
    /// - Throws: ``Problem`` 403 `insecure-http` saying why and what to do.
    func requireSecure(_ context: KnocknocRequestContext) throws {
        if context.https || settings.insecureHTTP || context.onThisMachine { return }
        throw Problem.forbidden(
            "Your password would travel over plain HTTP, where others can read it. Open this site by https. "
                + "Administrators: give the server TLSCertificate and TLSKey or --tls-self-signed, or a proxy in "
                + "TrustedForwarders that sets X-Forwarded-Proto: https; InsecureHTTP = true allows this anyway.",
            kind: "insecure-http")
    }

    /// A browser's JSON sign-in must not come from a foreign page; other clients say nothing of origins.
    func refuseForeignOrigin(_ request: Request, _ context: KnocknocRequestContext) throws {
        guard OriginRule.verdict(request, https: context.https, publicURL: settings.publicURL) != .foreign else {
            throw Problem.forbidden("This request comes from a page of another site.", kind: "csrf")
        }
    }

    /// The hidden field for a form before sign-in, and the cookie that it is bound to where a new one is needed.
    func preSession(_ request: Request, _ context: KnocknocRequestContext) -> (token: String, cookie: String?) {
        if let value = SessionCookie.preSession.value(request, https: context.https), value.utf8.count >= 20 {
            return (Secret.formToken(for: value), nil)
        }
        let value = Secret.random(bytes: 18)
        return (Secret.formToken(for: value), SessionCookie.preSession.set(value, https: context.https))
    }

    /// Checks a form before sign-in: same origin, and the field `csrf` belongs to the browser's own cookie.
    ///
    /// - Throws: ``Problem`` 403.
    func checkPreSession(_ form: FormFields, _ request: Request, _ context: KnocknocRequestContext) throws {
        try requireSameOrigin(request, context)
        guard let value = SessionCookie.preSession.value(request, https: context.https),
            Secret.equal(form["csrf"] ?? "", Secret.formToken(for: value))
        else {
            throw Problem.forbidden(
                "The form is too old or your browser refuses cookies. Go back, reload and try again.", kind: "csrf")
        }
    }
}

extension KnocknocRequestContext {
    /// What the use cases want to know of this request.
    var origin: KnocknocAccess.RequestContext {
        let client: ClientAddress =
            switch self.client {
            case .address(let address): .address(address)
            case .refused(let address, let reason, _): .refused(address, reason: reason)
            }
        return .init(client: client, userAgent: userAgent, requestID: requestID)
    }
}
