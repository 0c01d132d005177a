import KnocknocModel
import KnocknocSystem

extension ReverseProxyPlan {
    /// The comment lines that say what a part was made from.
    var record: [String] {
        let front =
            switch front {
            case .tls(let paths): paths.map { "# certificate \($0)" }
            case .http: ["# http-only"]
            }
        var lines = ["# portal \(portal)"]
        if let portalUpstream { lines.append("# portal-upstream \(portalUpstream)") }
        lines += binds.map { "# bind \($0)" } + front
        lines += ["# lists \(self.lists)", "# group \(group)"]
        return lines + doors.flatMap { Self.record(of: $0) }
    }

    private static func record(of door: Door) -> [String] {
        var lines = ["# door \(door.name)"]
        lines += door.domains.map { "#   domain \($0)" }
        lines += door.upstreams.map { "#   upstream \($0)" }
        if let authority = door.upstreamCA { lines.append("#   upstream-ca \(authority)") }
        lines += door.gatedPaths.map { "#   gate-path \($0)" }
        lines += door.passedPaths.map { "#   pass-path \($0)" }
        lines += door.gatedMethods.map { "#   gate-method \($0)" }
        return lines
    }

    /// Reads ``record`` back out of a part.
    ///
    /// - Parameters:
    ///   - lines: of the part, the first being line number `first` of the file.
    ///   - path: of the file, for what is said of a line that cannot be read.
    /// - Throws: ``SystemError`` `invalid`.
    init(record lines: [String], first: Int, path: String) throws(SystemError) {
        guard let nowhere = WebOrigin("https://portal.invalid") else {
            throw SystemError(.invalid, "no address can be read")
        }
        self.init(portal: nowhere, binds: [], front: .tls(certificates: []), lists: "", group: "", doors: [])
        for (offset, line) in lines.enumerated() {
            let words = line.dropFirst().split(separator: " ").map(String.init)
            do throws(SystemError) { try read(words) } catch {
                throw SystemError(
                    .invalid,
                    "\(path):\(first + offset): \(error.message). That line is knocker's own; put it back as it was, or "
                        + "take the part away with \"knocker disable reverseproxy\" and begin anew")
            }
        }
        guard portal != nowhere, !lists.isEmpty, !group.isEmpty, !binds.isEmpty else {
            throw SystemError(
                .invalid,
                "\(path):\(first): our part lacks its portal, bind, lists or group; put it back as it was, or take the "
                    + "part away with \"knocker disable reverseproxy\" and begin anew")
        }
        try check()
    }

    private mutating func read(_ words: [String]) throws(SystemError) {
        guard words.count == (words.first == "http-only" ? 1 : 2) else { throw Self.unknown(words) }
        let value = words.last ?? ""
        switch words[0] {
        case "portal":
            guard let origin = WebOrigin(value) else { throw Self.unknown(words) }
            portal = origin
        case "portal-upstream": portalUpstream = try Upstream(parsing: value)
        case "bind": binds += try FrontAddress.parse(value, hasIPv6: true)
        case "certificate":
            guard case .tls(let paths) = front else { throw Self.unknown(words) }
            front = .tls(certificates: paths + [value])
        case "http-only": front = .http
        case "lists":
            try Self.requirePlain(value, "lists")
            lists = value
        case "group": group = value
        case "door": doors.append(Door(name: value, domains: [], upstreams: []))
        default: try readDoor(words[0], value)
        }
    }

    private mutating func readDoor(_ key: String, _ value: String) throws(SystemError) {
        guard let last = doors.indices.last else { throw Self.unknown([key, value]) }
        switch key {
        case "domain": doors[last].domains.append(try Domain(parsing: value))
        case "upstream": doors[last].upstreams.append(try Upstream(parsing: value))
        case "upstream-ca":
            try Self.requirePlain(value, "upstream-ca")
            doors[last].upstreamCA = value
        case "gate-path": doors[last].gatedPaths.append(try GatePath(parsing: value))
        case "pass-path": doors[last].passedPaths.append(try GatePath(parsing: value))
        case "gate-method": doors[last].gatedMethods = try Door.methods(doors[last].gatedMethods + [value])
        default: throw Self.unknown([key, value])
        }
    }

    private static func unknown(_ words: [String]) -> SystemError {
        SystemError(.invalid, "\"\(words.joined(separator: " "))\" says nothing that knocker wrote")
    }
}
