import Foundation

extension Machine {
    /// Who is let through to a port that the agent on this machine guards: addresses of both families, and how many
    /// seconds are left to each.
    public func members(port: Int) async throws -> [String: Double] { try await guards()[port] ?? [:] }

    /// The same for every guarded port, as the kernel has it at one moment.
    public func guards() async throws -> [Int: [String: Double]] {
        try GuardListing.members(try await run(GuardListing.command).output)
    }
}

extension Host {
    /// The same for a host of the lab.
    public func guards() async throws -> [Int: [String: Double]] {
        try GuardListing.members(try await run(GuardListing.command).output)
    }
}

/// Reads the agent's own table.
private enum GuardListing {
    static let command = ["nft", "-j", "list", "table", "inet", "knocknoc"]

    static func members(_ output: Data) throws -> [Int: [String: Double]] {
        let listing = try JSON(parsing: output)
        let objects = listing["nftables"].items
        var sets: [String: [String: Double]] = [:]
        for set in objects.map({ $0["set"] }) {
            guard let name = set["name"].string else { continue }
            for element in set["elem"].items.map({ $0["elem"] }) {
                guard let address = element["val"].string else { continue }
                sets[name, default: [:]][address] = Double(element["expires"].int ?? 0)
            }
        }
        var result: [Int: [String: Double]] = [:]
        for rule in objects.map({ $0["rule"] }) {
            var port: Int?
            var name: String?
            for match in rule["expr"].items.map({ $0["match"] }) {
                let field = match["left"]["payload"]["field"].string
                if field == "dport" { port = match["right"].int }
                if field == "saddr", let set = match["right"].string, set.hasPrefix("@") {
                    name = String(set.dropFirst())
                }
            }
            if let port, let name { result[port, default: [:]].merge(sets[name] ?? [:]) { old, _ in old } }
        }
        return result
    }
}
