/// One question: what is said, what Enter means, and how an answer is taken. A value without a terminal.
public struct Question: Sendable {
    /// In the order in which they are asked.
    public enum ID: String, Hashable, Sendable, CaseIterable {
        case listen, forwarders, source, databaseURL, encryptionKey, certificate, publicURL, confirmation
    }

    public let id: ID
    /// Said once before it is asked.
    var preamble: [String] = []
    let prompt: String
    /// What Enter means; nil where it means nothing.
    var standard: String?
    /// How the standard is shown; itself where nil.
    var shownStandard: String?
    /// What `?` says.
    let help: [String]
    /// As a person without a terminal gives it.
    let flag: String
    var isSecret = false
    /// Without a terminal, Enter's meaning is not enough: what is done differs too much.
    var needsWord = false
    /// Checks an answer and takes it over.
    ///
    /// - Returns: what is worth saying about it.
    /// - Throws: ``Refusal``.
    let take: @Sendable (_ answer: String, _ answers: inout Answers) async throws -> [String]

    var line: String {
        let shown = shownStandard ?? standard
        return prompt + (shown.map { " (default: \($0))" } ?? "") + ": "
    }
}

/// An answer that cannot be: the reason, and the way out.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: String
    public let remedy: String?
    /// Whether it cannot be on any machine: given beforehand, it is wrong usage.
    let isUsage: Bool

    init(_ reason: String, _ remedy: String? = nil, isUsage: Bool = false) {
        self.reason = reason
        self.remedy = remedy
        self.isUsage = isUsage
    }

    public var description: String { reason + (remedy.map { "\n\($0)" } ?? "") }
}
