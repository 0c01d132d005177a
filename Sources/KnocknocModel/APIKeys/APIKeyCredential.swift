/// The secret of an API key in a request.
public enum APIKeyCredential {
    /// What every secret begins with, so that a scanner of leaked secrets knows it.
    public static let prefix = "knk_"

    /// The secret in `Authorization`: the password of `Basic` (RFC 7617) whatever the user name is, or of `Bearer`.
    ///
    /// - Returns: nil where the header is missing or is something else.
    public static func secret(inHeader header: String?) -> String? {
        guard let parts = header?.split(separator: " ", maxSplits: 1), parts.count == 2, parts[1].utf8.count <= 1024
        else { return nil }
        switch parts[0].lowercased() {
        case "bearer": return String(parts[1])
        case "basic":
            guard let bytes = Base64URL.decode(parts[1].filter { $0 != " " }),
                let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
            else { return nil }
            return String(validating: bytes[(colon + 1)...], as: UTF8.self)
        default: return nil
        }
    }
}
