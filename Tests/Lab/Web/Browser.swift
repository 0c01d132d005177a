import Foundation

/// Headless Chromium on a host of the lab, driven over WebDriver.
public actor Browser {
    private let driver: LabProcess
    private let host: Host
    private let folder: String
    private var session = ""

    /// What keeps a browser from running here; empty where nothing does.
    public static let obstacle: String = {
        for program in ["/usr/bin/chromium", "/usr/bin/chromedriver"]
        where !FileManager.default.isExecutableFile(atPath: program) {
            return "\(program) is not installed"
        }
        return Lab.obstacle
    }()

    public init(on host: Host, javaScript: Bool, names: [String: String]) async throws {
        self.host = host
        let home = try Lab.temporaryFolder("browser")
        folder = home.path
        driver = try host.start(
            ["chromedriver", "--port=9515"], environment: ["HOME": folder, "TMPDIR": folder])
        _ = try await driver.line(within: .seconds(30)) { $0.contains("started successfully") }
        let rules = names.map { "MAP \($0.key) \($0.value)" }.joined(separator: ",")
        var options: [String: JSON] = [
            "args": .array([
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900",
                "--no-first-run", "--disable-background-networking", .string("--host-resolver-rules=\(rules)"),
                .string("--user-data-dir=\(folder)/profile"),
            ])
        ]
        if !javaScript {
            options["prefs"] = ["profile.managed_default_content_settings.javascript": 2]
        }
        let capabilities: JSON = [
            "capabilities": [
                "alwaysMatch": [
                    "browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": .object(options),
                ]
            ]
        ]
        let answer = try await call("POST", "/session", capabilities)
        guard let id = answer["sessionId"].string else { throw LabError("Chromium did not start: \(answer)") }
        session = "/session/\(id)"
    }

    /// Opens a page, once more where the browser gave up since its network was another, as on a host that has just come up.
    ///
    /// - Throws: where it shows an error page of its own, with its code.
    public func open(_ url: String) async throws {
        let end = Clock.now + 20
        while true {
            var code = ""
            do {
                try await call("POST", session + "/url", ["url": .string(url)])
                code = try await text(".error-code")
            } catch let error as LabError {
                guard "\(error)".contains("net::ERR_") else { throw error }
                code = "\(error)"
            }
            if code.isEmpty { return }
            guard code.contains("ERR_NETWORK_CHANGED"), Clock.now < end else {
                throw LabError("\(url) cannot be opened: \(code)")
            }
        }
    }

    public func url() async throws -> String { try await call("GET", session + "/url", nil).string ?? "" }
    public func source() async throws -> String { try await call("GET", session + "/source", nil).string ?? "" }

    /// The value of a cookie of the page's site, whether scripts may read it or not; nil where there is none.
    public func cookie(_ name: String) async throws -> String? {
        let all = try await call("GET", session + "/cookie", nil).items
        return all.first { $0["name"].string == name }?["value"].string
    }

    /// The text that a person sees in the first element that the selector names; empty where there is none.
    public func text(_ selector: String) async throws -> String {
        guard let element = try await find(selector) else { return "" }
        return try await call("GET", "\(session)/element/\(element)/text", nil).string ?? ""
    }

    public func type(_ text: String, into selector: String) async throws {
        try await use(selector, "value", ["text": .string(text)])
    }

    public func click(_ selector: String) async throws { try await use(selector, "click", [:]) }

    /// Runs a script in the page.
    ///
    /// - Returns: what it returns.
    @discardableResult
    public func run(_ script: String) async throws -> JSON {
        try await call("POST", session + "/execute/sync", ["script": .string(script), "args": []])
    }

    /// Has pages believe that the reader prefers light or dark.
    public func prefer(dark: Bool) async throws {
        let feature: JSON = ["name": "prefers-color-scheme", "value": dark ? "dark" : "light"]
        try await call(
            "POST", session + "/goog/cdp/execute",
            ["cmd": "Emulation.setEmulatedMedia", "params": ["features": .array([feature])]])
    }

    /// Whether the document is still the one that was marked; a reload makes a new one.
    public func mark() async throws {
        try await call(
            "POST", session + "/execute/sync", ["script": "document.documentElement.dataset.lab = 'same'", "args": []])
    }

    public func isMarked() async throws -> Bool {
        try await call(
            "POST", session + "/execute/sync",
            ["script": "return document.documentElement.dataset.lab === 'same'", "args": []]
        ).bool ?? false
    }

    /// Looks until the text in the element satisfies `condition`; the browser itself has no event for that.
    ///
    /// - Parameter reloading: loads the page again each time, as somebody without JavaScript does.
    public func wait(
        _ selector: String, within limit: Double = 60, reloading: Bool = false,
        until condition: @Sendable (String) -> Bool
    ) async throws {
        let end = Clock.now + limit
        var seen = ""
        while Clock.now < end {
            seen = (try? await text(selector)) ?? seen
            if condition(seen) { return }
            if reloading { try await call("POST", session + "/refresh", [:]) }
            try await Task.sleep(for: .milliseconds(30))
        }
        throw LabError("\(selector) still says \"\(seen)\" after \(limit) s, on \((try? await url()) ?? "?")")
    }

    public func screenshot(_ path: String) async throws {
        guard let text = try await call("GET", session + "/screenshot", nil).string,
            let data = Data(base64Encoded: text)
        else { return }
        try data.write(to: URL(fileURLWithPath: path))
    }

    public func close() async {
        if !session.isEmpty { _ = try? await call("DELETE", session, nil) }
        await driver.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Waits for the element as a person does who sees the page change: for 20 s it may be missing, or not be there for use.
    private func use(_ selector: String, _ action: String, _ body: JSON) async throws {
        let passing = ["element not interactable", "element click intercepted", "stale element reference"]
        let end = Clock.now + 20
        while true {
            do {
                if let element = try await find(selector) {
                    try await call("POST", "\(session)/element/\(element)/\(action)", body)
                    return
                }
                guard Clock.now < end else {
                    throw LabError("no \(selector) on \(try await url()): \(try await source().prefix(3000))")
                }
            } catch let error as LabError {
                guard Clock.now < end, passing.contains(where: "\(error)".contains) else { throw error }
            }
            try await Task.sleep(for: .milliseconds(30))
        }
    }

    private func find(_ selector: String) async throws -> String? {
        let answer = try await call(
            "POST", session + "/elements", ["using": "css selector", "value": .string(selector)])
        guard case .object(let reference)? = answer.items.first else { return nil }
        return reference.values.first?.string
    }

    @discardableResult
    private func call(_ method: String, _ path: String, _ body: JSON?) async throws -> JSON {
        var command = ["curl", "-sS", "--max-time", "30", "-X", method, "http://127.0.0.1:9515" + path]
        if body != nil { command += ["-H", "Content-Type: application/json", "--data-binary", "@-"] }
        let result = try await host.run(command, input: body?.description ?? "")
        let value = (try JSON(parsing: result.output))["value"]
        if let error = value["error"].string {
            throw LabError("\(method) \(path): \(error): \(value["message"].string ?? "")")
        }
        return value
    }
}
