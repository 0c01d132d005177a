/// The question before something is destroyed, with what it does, as `confirm.mustache` reads it.
struct ConfirmPage {
    var frame: Frame
    var heading: Heading
    var text: String
    var consequences: [String]
    var hasConsequences: Bool
    var action: String
    var submit: String
    var version: String?
    /// Tells the answer from the question where both go to one address.
    var confirmed = false
    /// A further thing to be done with it, where that is wished.
    var choice: Choice?

    struct Choice {
        var name: String
        var label: String
    }

    init(
        frame: Frame, heading: Heading, text: String, consequences: [String], action: String, submit: String,
        version: String? = nil
    ) {
        self.frame = frame
        self.heading = heading
        self.text = text
        self.consequences = consequences
        hasConsequences = !consequences.isEmpty
        self.action = action
        self.submit = submit
        self.version = version
    }
}
