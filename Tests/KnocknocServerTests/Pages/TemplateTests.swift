import Testing

@testable import KnocknocServer

@Suite("Templates and assets")
struct TemplateTests {
    let templates = EmbeddedFiles.all.filter { $0.key.hasPrefix("Templates/") }

    @Test("every template parses, and every partial that one names is there")
    func parse() throws {
        let renderer = try Renderer()
        for (name, text) in templates {
            for part in text.split(separator: "{{").dropFirst() where part.hasPrefix("> ") || part.hasPrefix("<") {
                let partial = part.dropFirst().prefix { $0 != "}" }.filter { $0 != " " }
                #expect(renderer.has(String(partial)), "\(name) names \(partial)")
            }
        }
    }

    @Test("no template writes a value unescaped or brings a script or style of its own, which the policy would block")
    func strict() {
        for (name, text) in templates {
            #expect(!text.contains("{{{") && !text.contains("{{&"), "\(name)")
            #expect(!text.contains("style=") && !text.contains("<style") && !text.contains("javascript:"), "\(name)")
            #expect(!text.contains(" onclick") && !text.contains(" onsubmit") && !text.contains(" onload"), "\(name)")
            for script in text.components(separatedBy: "<script").dropFirst() {
                #expect(script.hasPrefix(" type=\"module\" src="), "\(name)")
            }
        }
    }

    @Test("every form that writes carries the hidden field csrf")
    func csrf() {
        for (name, text) in templates {
            for form in text.components(separatedBy: "<form").dropFirst() {
                let body = form.components(separatedBy: "</form>")[0]
                // One that only asks, by its address.
                if body.contains("method=\"get\"") { continue }
                #expect(
                    body.contains("method=\"post\"") && body.contains("name=\"csrf\" value=\"{{frame.csrf}}\""),
                    "\(name)")
            }
        }
    }

    @Test("every icon that a template or a page names is in the sprite")
    func icons() {
        let sprite = EmbeddedFiles.all["Templates/sprite.mustache"] ?? ""
        for (name, text) in templates {
            for use in text.components(separatedBy: "href=\"#i-").dropFirst() where !use.hasPrefix("{{") {
                let icon = use.prefix { $0 != "\"" }
                #expect(sprite.contains("id=\"i-\(icon)\""), "\(name) uses \(icon)")
            }
        }
    }

    @Test("stylesheet, script and icon together stay far below the 60 KiB of a first load even uncompressed")
    func weight() {
        let assets = EmbeddedFiles.all.filter {
            ["Assets/app.css", "Assets/app.js", "Assets/favicon.svg"].contains($0.key)
        }
        #expect(assets.count == 3)
        #expect(assets.values.reduce(0) { $0 + $1.utf8.count } < 45 * 1024)
    }
}

extension String {
    /// Foundation's own, so that this file imports nothing else.
    fileprivate func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
