import KnocknocSystem

extension LoadBalancerPlan {
    /// The comment lines that say what a part was made from.
    var record: [String] {
        let front =
            switch front {
            case .tls(let path): "# certificate \(path)"
            case .http: "# http-only"
            }
        return nodes.map { "# node \($0.name)=\($0.endpoint) \($0.trust.rawValue)" }
            + peers.map { "# peer \($0.name)=\($0.endpoint)" } + binds.map { "# bind \($0)" } + [front]
    }

    /// Reads ``record`` back out of a part.
    ///
    /// - Parameters:
    ///   - lines: of the part, the first being line number `first` of the file.
    ///   - path: of the file, for what is said of a line that cannot be read.
    /// - Throws: ``SystemError`` `invalid`.
    init(record lines: [String], first: Int, path: String) throws(SystemError) {
        self.init(nodes: [], peers: [], binds: [], front: .http)
        for (offset, line) in lines.enumerated() where line.hasPrefix("# ") {
            let words = line.dropFirst(2).split(separator: " ").map(String.init)
            do throws(SystemError) { try read(words) } catch {
                throw SystemError(
                    .invalid,
                    "\(path):\(first + offset): \(error.message). That line is knocker's own; put it back as it was, or "
                        + "delete everything from mark to mark and begin anew with --init")
            }
        }
        try check()
    }

    private mutating func read(_ words: [String]) throws(SystemError) {
        switch (words.first, words.count) {
        case ("node", 3):
            let named = try NamedEndpoint(parsing: words[1])
            guard let trust = WebNode.Trust(rawValue: words[2]) else {
                throw SystemError(.invalid, "\"\(words[2])\": expected plain, pinned or authority")
            }
            nodes.append(WebNode(name: named.name, endpoint: named.endpoint, trust: trust))
        case ("peer", 2): peers.append(try NamedEndpoint(parsing: words[1]))
        case ("bind", 2): binds += try FrontAddress.parse(words[1], hasIPv6: true)
        case ("certificate", 2): front = .tls(certificate: words[1])
        case ("http-only", 1): front = .http
        default: throw SystemError(.invalid, "\"\(words.joined(separator: " "))\" says nothing that knocker wrote")
        }
    }
}
