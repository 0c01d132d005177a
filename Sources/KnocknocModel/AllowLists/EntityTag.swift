/// Entity tags (RFC 9110 §8.8.3).
public enum EntityTag {
    /// A strong tag of the content that has this hash.
    public static func strong(hash: some Sequence<UInt8>) -> String {
        "\"" + Base64URL.encode(Array(hash.prefix(18))) + "\""
    }

    /// Whether `If-None-Match` names the tag: the comparison is weak there (RFC 9110 §13.1.2).
    public static func matches(_ field: String?, _ tag: String) -> Bool {
        guard let field else { return false }
        return field.split(separator: ",").contains { part in
            var text = part.drop { $0 == " " || $0 == "\t" }
            while text.last == " " || text.last == "\t" { text.removeLast() }
            if text == "*" { return true }
            return (text.hasPrefix("W/") ? text.dropFirst(2) : text) == tag
        }
    }
}
