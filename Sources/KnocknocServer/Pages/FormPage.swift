/// A page with a form, as `form.mustache` reads it.
struct FormPage {
    struct Section {
        var legend: String
        var about: String?
        var fields: [Field]
    }

    struct Facts {
        var items: [Fact]
        var actions: [Action] = []
        var hasActions: Bool

        init(items: [Fact], actions: [Action] = []) {
            self.items = items
            self.actions = actions
            hasActions = !actions.isEmpty
        }
    }

    /// A button that changes nothing that somebody typed.
    struct Action {
        var path: String
        var label: String
        /// The agent that the page's script asks in place.
        var ping: String?
    }

    struct Fact {
        var label: String
        var pill: Pill?
        var time: TimeText?
        var mono: String?
        var text: String?
        /// To be copied.
        var copy: Copy?
    }

    struct Copy {
        /// Of the element, for the page's script.
        var id: String
        var text: String
    }

    /// Something that waits for the administrator's word.
    struct Call {
        struct Hidden {
            var name: String
            var value: String
        }

        var kind = "wait"
        var icon = "failed"
        var title: String
        var text: String
        var path: String
        var label: String
        var hidden: [Hidden] = []
    }

    struct Targets {
        var table: Table
    }

    struct Removal {
        var title: String
        var text: String
        var href: String
        var label: String
    }

    var frame: Frame
    var heading: Heading
    var action: String
    var submit: String
    var version: String?
    var sections: [Section]
    var facts: Facts?
    var calls: [Call] = []
    var targets: Targets?
    /// What the backends of a Knoc promise.
    var promises: Table?
    /// What is open now.
    var open: Targets?
    var removal: Removal?
    /// Travels with the form and is not shown in it.
    var hidden: [Call.Hidden] = []
    /// Above the buttons.
    var note: String?
    var install: AgentInstall?
}
