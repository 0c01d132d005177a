public import KnocknocModel
import KnocknocStore

/// Why a database cannot be used, and the way out.
public struct DatabaseRefusal: Error, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// pg_hba.conf has no line for this machine, login and database.
        case notListed
        /// It takes TLS only, and the string forbids it.
        case plainRefused
        /// The string demands TLS, and the server has none.
        case noTLS
        /// The string binds the password to the TLS channel, which a pooler ends.
        case noBinding
        case wrongPassword, noPassword, noSuchDatabase, unknownHost, standbyOnly, nobodyThere, tooManyConnections
        /// The login may not look into the schema that is there.
        case noRight
        case other
    }

    public let kind: Kind
    /// In the database's or the library's own words.
    public let reason: String

    public init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    public var description: String { reason }

    /// The address that the server saw us come from, where it said so.
    public var ownAddress: IPAddress? {
        // `no pg_hba.conf entry for host "192.0.2.7", …`, with the quotes and words of the server's language; what stands
        // before is the server's own address.
        guard kind == .notListed, let mark = reason.firstRange(of: "pg_hba") else { return nil }
        for word in reason[mark.upperBound...].split(whereSeparator: { !$0.isHexDigit && $0 != "." && $0 != ":" }) {
            if let address = IPAddress(String(word)), word.contains("."), !address.isLoopback { return address }
            if word.contains("::") || word.split(separator: ":").count == 8, let address = IPAddress(String(word)) {
                return address
            }
        }
        return nil
    }

    /// What to do about it.
    ///
    /// - Parameters:
    ///   - isSite: whether it is the database of a site that runs already, and not one of somebody's service.
    ///   - own: this machine's address towards the database, where the server has not said it.
    public func remedy(isSite: Bool, own: IPAddress?) -> String {
        let address = (ownAddress ?? own).map { "\(CIDR($0))" } ?? "THIS-MACHINE'S-ADDRESS"
        switch kind {
        case .notListed where isSite:
            return "let this machine in on the first node, then answer again:\n"
                + "  sudo /opt/knocknoc/knocker/knocker exposedb --add \"\(address)\""
        case .notListed:
            return "let \(address) in, in the service's list of allowed addresses or in pg_hba.conf, then answer again"
        case .plainRefused: return "it takes TLS only: write sslmode=require in the string"
        case .noTLS where isSite:
            return "run knocker exposedb --init on the first node, which turns TLS on; or take sslmode and "
                + "channel_binding out of the string, and what travels is readable on the way"
        case .noTLS:
            return "turn TLS on there; or take sslmode out of the string, and what travels is readable on the way"
        case .noBinding:
            return "a pooler ends TLS itself: take channel_binding out of the string; sslmode=verify-full with "
                + "sslrootcert proves the pooler where its certificate can be checked"
        case .wrongPassword where isSite:
            return "copy the string again as exposedb printed it; knocker exposedb --rotate-password makes a new one"
        case .wrongPassword:
            return "check login and password; in a URL @ : / % # ? are written as %40 %3A %2F %25 %23 %3F"
        case .noPassword: return "write it in the string: postgres://LOGIN:PASSWORD@HOST/DATABASE"
        case .noSuchDatabase: return "check the name after the last /, or make the database first"
        case .unknownHost: return "check the host's name, and this machine's DNS; an address works too"
        case .standbyOnly:
            return
                "give the primary's address, or all of them: postgres://LOGIN:PASSWORD@one,two/DATABASE finds the one "
                + "that takes writes"
        case .nobodyThere where isSite:
            return "check address and port; the first node listens for others after knocker exposedb --init, and a "
                + "firewall between may be in the way"
        case .nobodyThere: return "check address and port, that Postgres runs there and listens, and firewalls between"
        case .tooManyConnections: return "its max_connections are used up; raise that, or try again"
        case .noRight: return "use the login that the site's other nodes use, or one that exposedb made"
        case .other: return "check the connection string"
        }
    }
}

extension DatabaseRefusal.Kind {
    /// By SQLSTATE, which is the same in every language; by libpq's own words, which are English here, where it has none.
    init(_ error: StoreError) {
        let words = error.message
        func says(_ parts: String...) -> Bool { parts.contains { words.contains($0) } }
        switch error.sqlState {
        case "28P01": self = .wrongPassword
        case "28000": self = says("pg_hba") ? .notListed : .wrongPassword
        case "3D000": self = .noSuchDatabase
        case "25006": self = .standbyOnly
        case "53300": self = .tooManyConnections
        case "42501": self = .noRight
        default:
            // PgBouncer has no SQLSTATE of its own for these.
            if says("no password supplied") {
                self = .noPassword
            } else if says("SSL required") {
                self = .plainRefused
            } else if says("no such database") {
                self = .noSuchDatabase
            } else if says("no such user", "authentication failed") {
                self = .wrongPassword
            } else if says("no more connections allowed") {
                self = .tooManyConnections
            } else if says("channel binding is required, but server did not offer") {
                self = .noBinding
            } else if says("does not support SSL", "channel binding required") {
                self = .noTLS
            } else if says(
                "Name or service not known", "Temporary failure in name", "No address associated", "not resolved")
            {
                self = .unknownHost
            } else if says("refused", "no answer in time", "No route", "unreachable", "timed out", "No such file") {
                self = .nobodyThere
            } else {
                self = .other
            }
        }
    }
}
