/// A form at the gate: portal sign-in, admin sign-in or first steps, as `sign-in.mustache` reads it.
struct SignInPage {
    struct After {
        var text: String
        var href: String?
        var label: String?
    }

    var frame: Frame
    var heading: String
    var lead: String
    var action: String
    var fields: [Field]
    var submit: String
    var after: After?
    /// Where somebody goes on to afterwards.
    var referrer: String?
}
