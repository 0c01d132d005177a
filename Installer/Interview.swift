import KnocknocModel
import KnocknocToolkit

/// Which questions there are for this machine, each with its default; what they say is in ``Questions``.
struct Interview: Sendable {
    let existing: ExistingSetup
    let checks: Checks
    let layout: InstallLayout
    /// Whether `--migrate` allows to bring another node's schema to this release's.
    let mayMigrate: Bool
    let isUnwrapped: Bool

    /// - Returns: nil where there is nothing to ask.
    func question(_ id: Question.ID, _ answers: Answers) -> Question? {
        switch id {
        case .listen: listenQuestion()
        case .forwarders: forwardersQuestion()
        case .source: sourceQuestion()
        case .databaseURL: databaseQuestion(answers)
        case .encryptionKey: keyQuestion(answers)
        case .certificate: certificateQuestion(answers)
        case .publicURL: publicURLQuestion(answers)
        case .confirmation: confirmationQuestion(answers)
        }
    }

    /// What was answered, as it will be done.
    func plan(_ answers: Answers) throws -> SetupPlan {
        guard let listen = answers.listen, let source = answers.source else {
            throw SetupError(.missing, "nothing was answered")
        }
        let database: SetupPlan.Database
        switch (source, answers.url) {
        case (.local, _): database = .local
        case (.embedded, _): database = .embedded
        case (.new, let url?): database = .new(url)
        case (.existing, let url?): database = .existing(url)
        case (.unchanged, let url?): database = .unchanged(url)
        default: throw SetupError(.missing, "no database was named")
        }
        return SetupPlan(
            listen: listen, database: database, key: key(answers), settings: settings(answers), mayMigrate: mayMigrate)
    }

    private func key(_ answers: Answers) -> SetupPlan.Key {
        if isUnwrapped { return .unwrapped }
        if answers.source == .unchanged, case .keepOrMake = answers.key, existing.key == nil {
            // A site that has no key does not get one unasked: its other nodes would not know it.
            return .none
        }
        return answers.key
    }

    private func settings(_ answers: Answers) -> [SetupPlan.Setting] {
        var settings = [
            SetupPlan.Setting("Listen", answers.listen?.description),
            SetupPlan.Setting("TrustedForwarders", answers.forwarders),
        ]
        if let url = answers.publicURL { settings.append(.init("PublicURL", url == "none" ? nil : url)) }
        switch answers.certificate {
        case .selfSigned(let names):
            settings += [
                .init("TLSSelfSigned", "true"), .init("TLSSAN", names.joined(separator: ",")),
                .init("TLSCertificate", nil), .init("TLSKey", nil),
            ]
        case .files(let certificate, let key):
            settings += [
                .init("TLSCertificate", certificate), .init("TLSKey", key), .init("TLSSelfSigned", nil),
                .init("TLSSAN", nil),
            ]
        case .some(.none):
            settings += ["TLSSelfSigned", "TLSSAN", "TLSCertificate", "TLSKey"].map { .init($0, nil) }
        case nil: break
        }
        return settings
    }
}
