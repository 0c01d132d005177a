import HTTPTypes

extension SignInPage {
    /// Name and password, for the portal or the administration as the frame says.
    static func passwords(frame: Frame, typed: FormValues, problem: Problem?) -> SignInPage {
        var frame = frame
        frame.notice = problem.map { Notice.problem($0.pageText) }
        return SignInPage(
            frame: frame, heading: frame.admin ? "Administrator sign-in" : "Sign in",
            lead: frame.admin ? "Decide who may open what." : "Open what you may reach, for as long as you need it.",
            action: frame.admin ? "/admin/login" : "/login",
            fields: [
                Field.text("username", "Username", required: true).with { field in
                    field.autocomplete = "username"
                    field.plainWords = true
                    field.focused = problem == nil
                },
                Field.password("password", "Password", required: true).with { $0.focused = problem != nil },
            ].map { $0.filled(from: typed, errors: [:]) },
            submit: "Sign in")
    }

    /// The first administrator, by the code that the server's terminal shows.
    static func setUp(frame: Frame, typed: FormValues, errors: [String: String], problem: String?) -> SignInPage {
        var frame = frame
        frame.notice = problem.map { Notice.problem($0) }
        return SignInPage(
            frame: frame, heading: "Welcome to Knocknoc",
            lead: "Make the first administrator. The code is on the server's terminal, where it was started.",
            action: "/admin/setup",
            fields: [
                Field.text("code", "One-time code", required: true).with { field in
                    field.plainWords = true
                    field.fromFragment = true
                    field.autocomplete = "off"
                },
                Field.text("name", "Username", required: true).with { field in
                    field.plainWords = true
                    field.autocomplete = "username"
                },
                Field.password("password", "Password", required: true, new: true).hint("At least 10 characters."),
            ].map { $0.filled(from: typed, errors: errors) },
            submit: "Create administrator",
            after: After(text: "Is there one already?", href: "/admin/login", label: "Sign in"))
    }
}

extension Problem {
    /// The detail, with the wait in words where there is one.
    var pageText: String {
        guard status == .tooManyRequests, !detail.contains("ry again"),
            let seconds = headers[.retryAfter].flatMap(Int.init)
        else { return detail }
        let minutes = (seconds + 59) / 60
        return detail + (minutes <= 1 ? " Try again in a minute." : " Try again in \(minutes) minutes.")
    }
}
