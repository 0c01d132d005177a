extension WebClient {
    /// Signs in on the page itself, with the fields that it carries; what a person without JavaScript does.
    ///
    /// - Returns: the answer to the form, a redirect where it went well.
    public func signInOnPage(_ name: String, _ password: String, page: String = "/login") async throws -> Answer {
        let form = try await get(page)
        guard form.status == 200 else { throw LabError("GET \(page): \(form)") }
        let action = form.formAction(containing: "login") ?? page
        var fields = [("username", name), ("password", password)]
        if let csrf = form.input("csrf") { fields.append(("csrf", csrf)) }
        return try await submit(action, fields)
    }

    /// Signs in over the API and keeps the token.
    @discardableResult
    public func signIn(_ name: String, _ password: String, admin: Bool = false) async throws -> Answer {
        let answer = try await send(
            "POST", admin ? "/api/v1/admin/login" : "/api/v1/login",
            body: JSON.object(["username": .string(name), "password": .string(password)]).description)
        if answer.status == 200 { use(token: answer.json["token"].string) }
        return answer
    }

    /// The Knoc of this name as the portal sees it.
    public func knoc(_ name: String) async throws -> JSON {
        let items = try await expect(200, "GET", "/api/v1/me/knocs")["items"].items
        guard let item = items.first(where: { $0["name"].string == name }) else {
            throw LabError("\(name) is not among \(items)")
        }
        return item
    }

    /// Grants or revokes and waits until the agents have confirmed.
    @discardableResult
    public func change(_ method: String, _ knoc: String, wait: Int = 5000) async throws -> JSON {
        let answer = try await send(method, "/api/v1/me/knocs/\(knoc)/grant?wait=\(wait)", body: nil)
        guard answer.status == 200 || answer.status == 202 else { throw LabError("\(method) grant: \(answer)") }
        return answer.json
    }
}
