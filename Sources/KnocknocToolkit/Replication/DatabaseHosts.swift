import KnocknocStore
import KnocknocSystem

/// The hosts of a `DatabaseURL`.
enum DatabaseHosts {
    /// The same URL with other hosts; login, password, database and parameters stay.
    ///
    /// - Throws: ``SystemError`` `invalid` where that makes no URL.
    static func replace(in url: String, by hosts: String) throws(SystemError) -> String {
        let wrong = SystemError(
            .invalid,
            "\"\(hosts)\": expected HOST:PORT, several with commas between, such as 10.0.0.1:5432,10.0.0.2:5432")
        let words = hosts.split(separator: ",", omittingEmptySubsequences: false)
        guard !words.isEmpty, words.allSatisfy({ !$0.isEmpty && !$0.contains(where: "/@? #".contains) }),
            let scheme = url.firstRange(of: "://")
        else { throw wrong }
        let end = url[scheme.upperBound...].firstIndex { "/?".contains($0) } ?? url.endIndex
        let start = url[scheme.upperBound..<end].lastIndex(of: "@").map { url.index(after: $0) } ?? scheme.upperBound
        let new = url[..<start] + hosts + url[end...]
        guard let places = try? DatabaseURL(String(new)).places(), places.count == words.count else { throw wrong }
        return String(new)
    }
}
