import Foundation
import HTTPTypes

/// A response as tests look at it.
struct Answer {
    let status: Int
    let headers: HTTPFields
    let body: String

    /// The body as a JSON object; empty where it is none.
    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
    }

    var items: [[String: Any]] { json["items"] as? [[String: Any]] ?? [] }

    func text(_ key: String) -> String { json[key] as? String ?? "" }

    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

    var cookies: [String] { headers[values: .setCookie] }

    /// The value of a cookie that the answer sets.
    func cookie(_ name: String) -> String? {
        for line in cookies where line.hasPrefix(name + "=") {
            return String(line.dropFirst(name.count + 1).prefix { $0 != ";" })
        }
        return nil
    }
}
