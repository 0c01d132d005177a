import KnocknocModel

/// The chains of a table as nft lists them: their rules are valid commands again.
struct TableListing: Hashable {
    private(set) var chains: [String: [String]] = [:]

    /// - Returns: nil where our table is not in it.
    init?(ruleset text: String) {
        let lines = text.split(separator: "\n")
        guard let start = lines.firstIndex(of: "table inet \(OwnTable.name) {") else { return nil }
        self.init(lines: lines[start...].dropFirst().prefix { $0 != "}" })
    }

    private init(lines: ArraySlice<Substring>) {
        var chain: String?
        for line in lines {
            let words = line.drop { $0 == "\t" || $0 == " " }
            if let name = chain {
                if words == "}" {
                    chain = nil
                } else if !words.hasPrefix("type "), !words.hasPrefix("comment ") {
                    chains[name, default: []].append(String(words))
                }
            } else if words.hasPrefix("chain "), words.hasSuffix("{") {
                let name = String(words.dropFirst(6).prefix { $0 != " " })
                chain = name
                chains[name] = []
            }
        }
    }

    /// The guards whose drop is in force.
    var guards: [GuardRules] {
        chains.keys.compactMap { GuardName(chain: $0, prefix: "id_") }.sorted().map { name in
            GuardRules(name: name, found: chains.filter { name.chains.contains($0.key) })
        }
    }

    /// Where the table is written for the next boot; nil where it does not say.
    var bootFile: BootFile? { chains[BootFile.chain].flatMap(BootFile.init(rules:)) }

    /// The guards that were taken away on this host.
    var marks: [GuardName] { chains.keys.compactMap { GuardName(chain: $0, prefix: "un_") }.sorted() }
}

extension GuardRules {
    /// The protocol and ports that the drop rules name.
    var closes: (protocol: TransportProtocol, ports: [UInt16])? {
        for rule in chains[name.ingressDrop] ?? [] {
            let words = rule.split { " {},".contains($0) }
            guard let first = words.first.flatMap({ TransportProtocol(rawValue: String($0)) }),
                words.dropFirst().first == "dport"
            else { continue }
            return (first, words.dropFirst(2).map { UInt16($0) }.prefix { $0 != nil }.compactMap(\.self))
        }
        return nil
    }
}
