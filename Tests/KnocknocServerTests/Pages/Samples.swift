import KnocknocAccess
import KnocknocModel

@testable import KnocknocServer

/// Values for page tests.
enum Samples {
    static let time = Timestamp(microseconds: 1_790_000_000_000_000)

    static func frame(notice: Notice? = nil) -> Frame {
        Frame(
            title: "Test", csrf: "token", style: "/a.css", script: "/a.js", icon: "/a.svg", now: time.description,
            home: "/", insecure: false, notice: notice)
    }

    static func item(_ state: KnocState) -> KnocItem {
        KnocItem(
            id: KnocID(value: 7), name: "Wiki", url: "https://wiki.example.com", grantOn: .click, state: state,
            expiresAt: state == .closed ? nil : time, reason: nil)
    }

    static func portal(_ items: [KnocItem], name: String = "alice", reason: String? = nil) -> PortalPage {
        var page = PortalPage(frame: frame(), who: name, address: "192.0.2.7", sessionEnd: time, knocs: items)
        page.addressReason = reason
        return page
    }
}
