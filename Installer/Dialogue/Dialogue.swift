/// Asks what is not answered yet, in order, until nothing is left to ask.
///
/// `?` explains, `back` asks the question before again, Enter takes the default; an answer that cannot be is refused with
/// the reason, and asked again.
struct Dialogue: Sendable {
    let terminal: any Terminal
    /// Answers by flag or environment; each is checked as if it had been typed.
    let given: [Question.ID: String]
    /// Whether somebody can be asked.
    let isInteractive: Bool

    /// - Parameter question: the question of that name; nil where it is not to be asked.
    /// - Throws: ``SetupError``.
    func run(
        from answers: Answers, _ question: (Question.ID, Answers) async throws -> Question?
    ) async throws -> Answers {
        var answers = answers
        var asked: [(id: Question.ID, before: Answers)] = []
        var explained: Set<Question.ID> = []
        while let id = Question.ID.allCases.first(where: { !answers.answered.contains($0) }) {
            guard let question = try await question(id, answers) else {
                answers.answered.insert(id)
                continue
            }
            let before = answers
            if try await takeGiven(question, &answers) { continue }
            guard isInteractive else {
                try await takeStandard(question, &answers)
                continue
            }
            if explained.insert(id).inserted { question.preamble.forEach(terminal.say) }
            switch try await ask(question, &answers) {
            case .answered: asked.append((id, before))
            case .again: answers = before
            case .back:
                guard let last = asked.popLast() else {
                    terminal.say("This is the first question.")
                    continue
                }
                answers = last.before
                explained.remove(last.id)
            }
        }
        return answers
    }

    private enum Outcome { case answered, again, back }

    private func ask(_ question: Question, _ answers: inout Answers) async throws -> Outcome {
        guard let line = terminal.ask(question.line, isSecret: question.isSecret) else {
            throw SetupError(
                .ended,
                "the input ended at \"\(question.prompt)\"; nothing was changed. Answer it, or give \(question.flag)")
        }
        let text = Self.trimmed(line)
        switch text.lowercased() {
        case "?":
            question.help.forEach(terminal.say)
            return .again
        case "back": return .back
        case "" where question.standard == nil:
            terminal.say("This needs an answer; ? explains.")
            return .again
        default: break
        }
        do {
            let notes = try await question.take(text.isEmpty ? question.standard ?? "" : text, &answers)
            notes.forEach(terminal.say)
            answers.answered.insert(question.id)
            return .answered
        } catch let refusal as Refusal {
            terminal.say(refusal.description)
            return .again
        }
    }

    /// - Returns: whether the question is settled by a flag. A person can put a wrong one right.
    private func takeGiven(_ question: Question, _ answers: inout Answers) async throws -> Bool {
        guard let text = given[question.id], !answers.refused.contains(question.id) else { return false }
        let before = answers
        do {
            let notes = try await question.take(text, &answers)
            notes.forEach(terminal.say)
            answers.answered.insert(question.id)
            return true
        } catch let refusal as Refusal {
            guard isInteractive else {
                throw SetupError(refusal.isUsage ? .usage : .refused, "\(question.flag): \(refusal)")
            }
            answers = before
            answers.refused.insert(question.id)
            terminal.say("\(question.flag): \(refusal)")
            return false
        }
    }

    private func takeStandard(_ question: Question, _ answers: inout Answers) async throws {
        guard let standard = question.standard, !question.needsWord else {
            throw SetupError(.missing, "\(question.flag) is missing: \(question.prompt)")
        }
        do {
            let notes = try await question.take(standard, &answers)
            notes.forEach(terminal.say)
            answers.answered.insert(question.id)
        } catch let refusal as Refusal {
            throw SetupError(.refused, "\(question.flag): \(refusal)")
        }
    }

    private static func trimmed(_ text: String) -> String {
        var rest = text.drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
