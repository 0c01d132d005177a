public import Foundation

/// What a web server answered.
public struct Answer: Sendable, CustomStringConvertible {
    /// 0 where nothing answered.
    public var status: Int
    /// Names in lower case.
    public var headers: [String: [String]]
    public var body: Data
    /// Why nothing answered.
    public var failure: String

    public var text: String { String(decoding: body, as: UTF8.self) }
    public var json: JSON { (try? JSON(parsing: body)) ?? .null }
    public func header(_ name: String) -> String? { headers[name]?.last }
    public var description: String { "\(status) \(failure)\(text.prefix(400))" }

    /// The value of a form's hidden or other input, as a page carries it.
    public func input(_ name: String) -> String? {
        for tag in text.components(separatedBy: "<input").dropFirst() {
            let tag = tag.prefix { $0 != ">" }
            guard tag.contains("name=\"\(name)\"") || tag.contains("name=\(name) ") else { continue }
            guard let start = tag.range(of: "value=\"") else { return "" }
            return String(tag[start.upperBound...].prefix { $0 != "\"" })
                .replacingOccurrences(of: "&#43;", with: "+").replacingOccurrences(of: "&amp;", with: "&")
        }
        return nil
    }

    /// Where the form with this in its address sends to.
    public func formAction(containing part: String) -> String? {
        for tag in text.components(separatedBy: "<form").dropFirst() {
            let tag = tag.prefix { $0 != ">" }
            guard let start = tag.range(of: "action=\"") else { continue }
            let action = String(tag[start.upperBound...].prefix { $0 != "\"" })
            if action.contains(part) { return action }
        }
        return nil
    }
}
