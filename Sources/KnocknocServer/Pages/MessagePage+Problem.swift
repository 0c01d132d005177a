extension MessagePage {
    /// What went wrong, and the id that ties this page to the server's log.
    init(_ problem: Problem, _ site: Site, _ context: KnocknocRequestContext) {
        var frame = site.gateFrame(problem.title, admin: false, csrf: "", context)
        frame.reading = true
        let insecure = problem.kind == "insecure-http"
        self.init(
            frame: frame, heading: insecure ? "Sign-in needs https here" : problem.title,
            paragraphs: [problem.detail], request: context.requestID,
            link: insecure ? nil : Link(href: "/", label: "To the start"))
    }
}
