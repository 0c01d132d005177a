/// Allow lists as bytes: equal lists are equal bytes, whoever serves them and whenever.
public enum AllowListText {
    /// The members that are open now, each once, IPv4 before IPv6 and each in the order of their numbers.
    ///
    /// - Parameter members: networks and when they end, by the clock of `now`.
    public static func lines<Time: Comparable>(
        _ members: some Sequence<(network: CIDR, until: Time)>, at now: Time
    ) -> [CIDR] {
        Set(members.lazy.filter { $0.until > now }.map(\.network)).sorted {
            ($0.address, $0.length) < ($1.address, $1.length)
        }
    }

    public static func bytes(of list: AllowListID, _ lines: [CIDR], as format: AllowListFormat) -> [UInt8] {
        var text = ""
        text.reserveCapacity(128 + lines.count * 20)
        switch format {
        case .text:
            text += "# Knocknoc allow list \(list)\n"
            for line in lines {
                text += line.shortest
                text += "\n"
            }
        case .json:
            text += "{\"id\":\"\(list)\",\"entries\":["
            for (index, line) in lines.enumerated() {
                text += index == 0 ? "\"" : ",\""
                text += line.shortest
                text += "\""
            }
            text += "]}\n"
        }
        return Array(text.utf8)
    }
}
