import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import KnocknocServer

/// A browser without scripts: keeps cookies, follows redirects, fills in the forms that it finds on the page.
final class PaperBrowser {
    let site: TestSite
    private(set) var cookies: [String: String] = [:]
    private(set) var path = "/"
    private(set) var page = Answer(status: 0, headers: [:], body: "")
    /// Sent with every request.
    var extra: [String: String] = [:]

    init(_ site: TestSite) { self.site = site }

    func open(_ path: String) async throws {
        try await go(.get, path, nil, [:])
    }

    /// Submits the form with this action, as a browser would: what it holds, changed by what is typed.
    func submit(
        _ action: String, _ typed: [String: String] = [:], choosing chosen: [String: [String]] = [:],
        headers: [String: String] = [:]
    ) async throws {
        let form = try #require(HTMLForm.find(action, in: page.body), "no form \(action) on \(path)")
        var fields = form.fields.filter { typed[$0.name] == nil && chosen[$0.name] == nil }
        fields += typed.map { HTMLForm.Field(name: $0.key, value: $0.value) }
        fields += chosen.flatMap { name, values in values.map { HTMLForm.Field(name: name, value: $0) } }
        let body = fields.map { Self.encoded($0.name) + "=" + Self.encoded($0.value) }.joined(separator: "&")
        try await go(.post, action, body, headers)
    }

    private func go(_ method: HTTPRequest.Method, _ to: String, _ body: String?, _ more: [String: String]) async throws
    {
        var headers = extra
        if !cookies.isEmpty {
            headers["Cookie"] = cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        }
        headers["Accept"] = "text/html"
        if method == .post {
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = "http://127.0.0.1:\(site.port)"
        }
        headers.merge(more) { $1 }
        page = try await site.send(method, to, body, headers: headers)
        path = to
        for line in page.cookies {
            let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { cookies[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1]) }
        }
        if page.status == 303 { try await go(.get, try #require(page.header("Location")), nil, [:]) }
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

/// A form as it stands in a page.
struct HTMLForm {
    struct Field {
        var name: String
        var value: String
    }

    var fields: [Field]

    static func find(_ action: String, in html: String) -> HTMLForm? {
        for part in html.components(separatedBy: "<form").dropFirst() {
            let form = part.components(separatedBy: "</form>")[0]
            guard attribute("action", of: String(form.prefix { $0 != ">" })) == action else { continue }
            return HTMLForm(fields: inputs(form) + selects(form))
        }
        return nil
    }

    private static func inputs(_ form: String) -> [Field] {
        form.components(separatedBy: "<input").dropFirst().compactMap { part in
            let tag = String(part.prefix { $0 != ">" })
            guard let name = attribute("name", of: tag) else { return nil }
            if attribute("type", of: tag) == "checkbox", !tag.contains(" checked") { return nil }
            return Field(name: name, value: attribute("value", of: tag) ?? "")
        }
    }

    private static func selects(_ form: String) -> [Field] {
        form.components(separatedBy: "<select").dropFirst().compactMap { part in
            let options = part.components(separatedBy: "</select>")[0].components(separatedBy: "<option").dropFirst()
            guard let name = attribute("name", of: String(part.prefix { $0 != ">" })),
                let option = options.first(where: { $0.prefix { $0 != ">" }.contains(" selected") }) ?? options.first
            else { return nil }
            return Field(name: name, value: attribute("value", of: option) ?? "")
        }
    }

    private static func attribute(_ name: String, of tag: String) -> String? {
        guard let start = tag.range(of: " \(name)=\"") else { return nil }
        let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        let value = String(tag[start.upperBound...].prefix { $0 != "\"" })
        return escapes.reduce(value) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }
}

extension PaperBrowser {
    func signIn(_ name: String, _ password: String = TestSite.password) async throws {
        try await open("/login")
        try await submit("/login", ["username": name, "password": password])
    }

    func signInAsAdmin() async throws {
        try await open("/admin/login")
        try await submit("/admin/login", ["username": "root", "password": TestSite.password])
    }
}
