import KnocknocModel
import KnocknocStore
import KnocknocSystem
import KnocknocToolkit

extension Interview {
    func confirmationQuestion(_ answers: Answers) -> Question {
        Question(
            id: .confirmation, preamble: summary(answers), prompt: "Continue? (yes, no)", standard: "yes",
            help: ["yes does what stands above; back goes back to the questions; no changes nothing."],
            flag: "--non-interactive"
        ) { text, answers in
            switch text.lowercased() {
            case "yes", "y": answers.isConfirmed = true
            case "no", "n": throw SetupError(.declined, "nothing was changed")
            default: throw Refusal("\"\(text)\" is neither yes nor no")
            }
            return []
        }
    }

    /// What will be done, without passwords and keys.
    func summary(_ answers: Answers) -> [String] {
        guard let plan = try? plan(answers) else { return [] }
        var lines = ["", "This will be done:"]
        let url: String
        switch plan.database {
        case .local:
            url = "postgres:///knocknoc?host=/var/run/postgresql"
            lines += [
                "  PostgreSQL is installed where it is missing, and gets the database and the role \"knocknoc\"; it is",
                "  reached over its local socket only",
            ]
        case .new(let new):
            url = new.location
            lines.append("  Knocknoc's tables are made in \(new), in the schema \"knocknoc\"")
        case .existing(let known):
            url = known.location
            lines.append("  this machine becomes a web node of the site in \(known); nothing is changed there")
        case .embedded:
            url = "sqlite://\(layout.data)/knocknoc.db"
            lines.append("  the database is a file of this machine, \(layout.data)/knocknoc.db, for one web node")
        case .unchanged(let known):
            url = known.engine == .postgres ? known.location : known.description
            lines.append("  the database stays as it is: \(known)")
        }
        lines.append("  \(keyLine(plan.key))")
        let old = existing.configuration?.text
        if let new = try? plan.configuration(from: old, databaseURL: url) {
            let diff = LineDiff.unified(
                old.map(SetupPlan.redacted) ?? "", SetupPlan.redacted(new), name: layout.configuration)
            lines += diff.isEmpty ? ["  \(layout.configuration) stays as it is"] : []
            lines += diff.split(separator: "\n").map { "  \($0)" }
        }
        let service =
            existing.hasService
            ? "the service knocknoc is started, now and with the machine"
            : "nothing is started: systemd does not run here, or has no unit \(InstallLayout.unit)"
        return lines + ["  \(service)", ""]
    }

    private func keyLine(_ key: SetupPlan.Key) -> String {
        switch key {
        case .keepOrMake where existing.key != nil: "the encryption key in \(layout.encryptionKey) is kept"
        case .keepOrMake: "an encryption key is made in \(layout.encryptionKey), for root only: keep a copy elsewhere"
        case .use: "the site's encryption key stands in \(layout.encryptionKey), for root only"
        case .none: "there is no encryption key"
        case .unwrapped: "the site's secrets stand unwrapped in its database, as you chose"
        }
    }
}
