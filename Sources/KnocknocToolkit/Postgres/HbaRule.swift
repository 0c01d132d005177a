import KnocknocModel
import KnocknocSystem

/// A line of `pg_hba_file_rules`: how the server itself reads its file.
struct HbaRule: Decodable, Hashable, Sendable {
    var rule_number: Int?
    var file_name: String?
    var line_number: Int
    var type: String?
    var database: [String]?
    var user_name: [String]?
    var address: String?
    var netmask: String?
    var auth_method: String?
    /// Such as `clientcert=verify-full`; may hold a password.
    var options: [String]?
    var error: String?

    /// As messages show it.
    var shown: String {
        let parts = [
            type, database?.joined(separator: ","), user_name?.joined(separator: ","), network?.description ?? address,
            auth_method, (options ?? []).first { $0.hasPrefix("clientcert=") },
        ]
        return parts.compactMap(\.self).joined(separator: " ")
    }

    func place(in file: String) -> String {
        "line \(line_number)" + (file_name.map { $0 == file ? "" : " of \($0)" } ?? "")
    }

    /// The addresses that it is about, where those are one network.
    var network: CIDR? {
        guard let address = address.flatMap(IPAddress.init), let mask = netmask.flatMap(IPAddress.init),
            let length = Self.length(of: mask)
        else { return nil }
        return CIDR(containing: address, length: length)
    }
}

extension HbaRule {
    /// Only what is one network: a mask may have holes.
    private static func length(of mask: IPAddress) -> Int? {
        let length = mask.bytes.reduce(0) { $0 + $1.nonzeroBitCount }
        let ones = mask.bytes.prefix { $0 == 0xff }.count * 8
        guard ones < mask.bytes.count * 8 else { return length }
        let next = mask.bytes[ones / 8]
        let isContiguous = (~next).leadingZeroBitCount == next.nonzeroBitCount
        return isContiguous && mask.bytes.dropFirst(ones / 8 + 1).allSatisfy { $0 == 0 } ? length : nil
    }
}

extension LocalCluster {
    /// The rules of pg_hba.conf as it stands on the disk, in the order in which the server tries them.
    func hbaRules() async throws -> [HbaRule] {
        let rules: [HbaRule] = try await rows("select * from pg_hba_file_rules")
        return rules.sorted { ($0.rule_number ?? $0.line_number) < ($1.rule_number ?? $1.line_number) }
    }
}
