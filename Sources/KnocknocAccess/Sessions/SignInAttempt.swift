import KnocknocIdentity
import KnocknocModel
import KnocknocStore

/// What the failures of one attempt are counted under.
struct SignInAttempt: Sendable {
    var kind: PrincipalKind
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
    /// - Parameter key: what is counted, hashed since it may be of any length.
    func attempt(_ key: String, kind: PrincipalKind, _ context: RequestContext) -> SignInAttempt {
        let network = ThrottleRule.network(context.client.known)
        let account = Secret.base64url(Secret.hash("\(kind.rawValue) \(key)"))
        return SignInAttempt(
            kind: kind, network: network, accountAndNetworkKey: "\(account) \(network)", networkKey: network,
            accountKey: account)
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
    ///
    /// - Parameter account: the name of the account that was tried; nil where there is none, since what was typed then
    ///   may be a password, and the audit is kept.
    func failed(
        _ attempt: SignInAttempt, account: String?, reason: String = "password", _ context: RequestContext
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
                        "session.refused", by: .system, (attempt.kind.rawValue, nil, account), ["reason": reason]),
                    at: now, context),
            ])
            return ((), Effects())
        }
        return Access.wrongPassword
    }
}
