import KnocknocAccess
import KnocknocModel
import KnocknocStore

extension Site {
    /// The frame of a page at the gate, before anybody is signed in.
    func gateFrame(_ title: String, admin: Bool, csrf: String, _ context: KnocknocRequestContext) -> Frame {
        var frame = frame(title, csrf: csrf, context)
        frame.admin = admin
        frame.home = admin ? "/admin" : "/"
        return frame
    }

    /// The frame of a page that somebody signed in sees.
    func frame(_ title: String, csrf: String, _ context: KnocknocRequestContext) -> Frame {
        Frame(
            title: title, csrf: csrf, style: assets.url("app.css"), script: assets.url("app.js"),
            icon: assets.url("favicon.svg"), now: phase.value == .ready ? database.estimatedNow().description : "",
            home: "/", insecure: showsInsecureBanner(context))
    }

    /// The frame of a page of the administration.
    ///
    /// - Parameter current: the last part of the navigation's path, empty for the dashboard.
    func adminFrame(
        _ title: String, current: String, _ session: Session, _ context: KnocknocRequestContext, notice: Notice? = nil
    ) -> Frame {
        var frame = frame(title, csrf: session.csrf, context)
        frame.admin = true
        frame.wide = true
        frame.home = "/admin"
        frame.who = session.name
        frame.notice = notice
        frame.navigation = Self.navigation.map { item in
            Frame.Item(
                href: item.path.isEmpty ? "/admin" : "/admin/" + item.path, label: item.label, icon: item.icon,
                current: item.path == current, gap: item.gap)
        }
        return frame
    }

    private static let navigation: [(path: String, label: String, icon: String, gap: Bool)] = [
        ("", "Overview", "home", false),
        ("knocs", "Knocs", "door", true), ("groups", "Groups", "group", false), ("users", "Users", "user", false),
        ("agents", "Agents", "agent", true), ("grants", "Grants", "clock", false),
        ("sessions", "Sessions", "session", false), ("audit", "Audit", "list", false),
        ("admins", "Administrators", "admin", true), ("api-keys", "API keys", "key", false),
    ]
}
