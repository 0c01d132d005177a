import KnocknocIdentity
import KnocknocModel
import KnocknocStore

/// What the failures of one attempt are counted under.
struct SignInAttempt: Sendable {
    var kind: PrincipalKind
    /// What was typed as the name, for the audit; nil where none is asked for.
    var name: String?
    /// The client's /24 or /64.
    var network: String
    var accountAndNetworkKey: String
    var networkKey: String
    var accountKey: String

    func reads(_ now: Timestamp) -> [Statement] {
        [ThrottleTable.counts(bucket: ThrottleRule.bucket(now), accountAndNetworkKey, networkKey)]
    }
}

extension Access {
    /// - Parameters:
    ///   - key: what is counted, hashed since it may be of any length.
    ///   - name: as it was typed.
    func attempt(_ key: String, name: String?, kind: PrincipalKind, _ context: RequestContext) -> SignInAttempt {
        let network = ThrottleRule.network(context.client.known)
        let account = Secret.base64url(Secret.hash("\(kind.rawValue) \(key)"))
        return SignInAttempt(
            kind: kind, name: name.map(Self.shown), network: network, accountAndNetworkKey: "\(account) \(network)",
            networkKey: network,
            accountKey: account)
    }

    /// The part of a typed name that can be shown, at most as long as a name may be.
    private static func shown(_ name: String) -> String {
        let visible = name.unicodeScalars.lazy.filter { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
            default: true
            }
        }
        return String(String.UnicodeScalarView(visible.prefix(NameRule.maximum)))
    }

    /// - Throws: ``AccessError`` throttled.
    func check(_ attempt: SignInAttempt, _ results: [[Row]]) throws {
        var counts: [String: Int64] = [:]
        for row in results.joined() { counts[try row.text("key")] = try row.integer("failures") }
        let rule = ThrottleRule(
            failuresPerAccountAndNetwork: options.failuresPerAccountAndNetwork,
            failuresPerNetwork: options.failuresPerNetwork)
        let seconds = rule.refusal(
            accountAndNetwork: counts[attempt.accountAndNetworkKey] ?? 0, network: counts[attempt.networkKey] ?? 0,
            at: late)
        guard let seconds else { return }
        let minutes = (seconds + 59) / 60
        throw AccessError(
            .throttled,
            "too many failed sign-ins. Try again in \(minutes == 1 ? "a minute" : "\(minutes) minutes")",
            retryAfter: seconds)
    }

    func verify(_ password: String, _ hash: String?, _ attempt: SignInAttempt) async throws -> Bool {
        do {
            return try await hasher.verify(password, hash: hash, lane: attempt.network)
        } catch let error as IdentityError {
            throw AccessError(.busy, error.message, retryAfter: 5)
        }
    }

    /// Counts the failure and says what to throw.
    func failed(
        _ attempt: SignInAttempt, reason: String = "password", _ context: RequestContext
    ) async throws -> AccessError {
        let now = late
        let bucket = ThrottleRule.bucket(now)
        try await write { tx in
            try await tx.run([
                ThrottleTable.count(attempt.accountAndNetworkKey, bucket: bucket),
                ThrottleTable.count(attempt.networkKey, bucket: bucket),
                ThrottleTable.count(attempt.accountKey, bucket: bucket),
                try audit(
                    AuditLine(
                        "session.refused", by: .system, (attempt.kind.rawValue, nil, attempt.name), ["reason": reason]),
                    at: now, context),
            ])
            return ((), Effects())
        }
        return Access.wrongPassword
    }
}
