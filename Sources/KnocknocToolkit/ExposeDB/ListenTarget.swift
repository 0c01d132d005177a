public import KnocknocModel
import KnocknocSystem

/// Where the database is to listen: `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`.
public struct ListenTarget: Hashable, Sendable {
    public let address: IPAddress
    /// nil: the cluster's own.
    public let port: Int?

    public init(address: IPAddress, port: Int? = nil) {
        self.address = address
        self.port = port
    }

    /// - Returns: nil where the text is none of these.
    public init?(_ text: String) {
        if let address = IPAddress(text) {
            self.init(address: address)
        } else if text.hasPrefix("["), text.hasSuffix("]"), let address = IPAddress(String(text.dropFirst().dropLast()))
        {
            self.init(address: address)
        } else {
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0
            else { return nil }
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            guard let address = IPAddress(String(host)) else { return nil }
            guard address.family == .v4 || text.hasPrefix("[") else { return nil }
            self.init(address: address, port: Int(port))
        }
    }

    /// `listen_addresses` with this one among them, and what local programs use kept.
    ///
    /// - Parameter hasLocalV6: whether this machine has `::1`.
    func added(to current: String, hasLocalV6: Bool) -> String {
        let old = current.split(separator: ",").map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
        let own = address.description
        guard !old.contains("*"), !old.contains(own) else { return current }
        guard !(address.family == .v4 && old.contains("0.0.0.0") || address.family == .v6 && old.contains("::")) else {
            return current
        }
        guard address.isUnspecified else { return (old + [own]).joined(separator: ",") }
        // The wildcard covers its own family; what it covers would not bind beside it.
        let kept = old.flatMap { name -> [String] in
            if let known = IPAddress(name) { return known.family == address.family ? [] : [name] }
            guard name == "localhost" else { return [name] }
            if address.family == .v6 { return ["127.0.0.1"] }
            return hasLocalV6 ? ["::1"] : []
        }
        return ([own] + kept).joined(separator: ",")
    }
}
