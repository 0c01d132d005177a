import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("The portal's page")
struct PortalPageTests {
    let renderer: Renderer
    init() throws { renderer = try Renderer() }

    @Test("names, links and reasons with markup in them stay text")
    func hostile() throws {
        let hostile = "\"><script>alert('x')</script>{{frame.csrf}}&amp;"
        var item = Samples.item(.failed)
        item.name = hostile
        item.reason = hostile
        item.url = "https://example.com/\"><script>"
        let html = try renderer.text("portal", Samples.portal([item], name: hostile))
        #expect(!html.contains("<script>alert"))
        #expect(!html.contains("\"><script>"))
        #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;{{frame.csrf}}&amp;amp;"))
    }

    @Test(
        "a card says its state in words and offers what can be done, and nothing else",
        arguments: [
            (KnocState.closed, "Closed", true, false), (.pending, "Opening", false, true), (.open, "Open", false, true),
            (.closing, "Closing", true, false), (.failed, "Failed", false, true),
            (.refused, "Not allowed", false, false), (.dryRun, "Dry run", false, true),
        ])
    func states(_ state: KnocState, _ word: String, _ grant: Bool, _ revoke: Bool) throws {
        let html = try renderer.text("portal", Samples.portal([Samples.item(state)]))
        let card = html.split(separator: "<article")[1].split(separator: "</article>")[0]
        #expect(card.contains("data-state=\"\(state.rawValue)\""))
        #expect(card.contains("</svg>\(word)</span>"))
        #expect(card.contains("data-grant>") == grant && card.contains("data-grant hidden>") == !grant)
        #expect(card.contains("data-revoke>") == revoke && card.contains("data-revoke hidden>") == !revoke)
        #expect(card.contains("data-visit href=\"https://wiki.example.com\""))
    }

    @Test("while something is on its way the page looks again by itself without scripts, and only then")
    func refresh() throws {
        let waiting = try renderer.text("portal", Samples.portal([Samples.item(.pending)]))
        let settled = try renderer.text("portal", Samples.portal([Samples.item(.open)]))
        #expect(waiting.contains("<noscript><meta http-equiv=\"refresh\""))
        #expect(!settled.contains("http-equiv=\"refresh\""))
    }

    @Test(
        "links that would run in our own page are left out",
        arguments: ["javascript:alert(1)", "data:text/html,x", "x"])
    func links(_ url: String) throws {
        var item = Samples.item(.open)
        item.url = url
        let html = try renderer.text("portal", Samples.portal([item]))
        #expect(!html.contains("data-visit"))
    }

    @Test("a user without Knocs is told what to do")
    func empty() throws {
        let html = try renderer.text("portal", Samples.portal([]))
        #expect(html.contains("Nothing is shared with you yet"))
    }

    @Test("an address that nothing is granted to is said with its reason")
    func refusedAddress() throws {
        let html = try renderer.text("portal", Samples.portal([], reason: "you come through an unknown proxy"))
        #expect(html.contains("Nothing can be opened from here: you come through an unknown proxy"))
    }

    @Test("the page carries one template for each state, for its script")
    func templates() throws {
        let html = try renderer.text("portal", Samples.portal([]))
        for state in KnocState.allCases { #expect(html.contains("<template id=\"state-\(state.rawValue)\"")) }
    }
}
