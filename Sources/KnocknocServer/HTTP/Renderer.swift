import HTTPTypes
import Hummingbird
import HummingbirdCore
import Mustache

/// The page templates compiled in, named as their files without `.mustache`.
struct Renderer: Sendable {
    private let library: MustacheLibrary

    /// - Throws: the parser's error, naming the template's line, where one is malformed.
    init(files: [String: String] = EmbeddedFiles.all) throws {
        var library = MustacheLibrary()
        for (path, text) in files where path.hasPrefix("Templates/") && path.hasSuffix(".mustache") {
            try library.register(text, named: String(path.dropFirst(10).dropLast(9)))
        }
        self.library = library
    }

    func has(_ template: String) -> Bool { library.getTemplate(named: template) != nil }

    func text(_ template: String, _ object: Any) throws -> String {
        guard let text = library.render(object, withTemplate: template) else { throw Problem.internalError }
        return text
    }

    func page(_ template: String, _ object: Any, status: HTTPResponse.Status = .ok) throws -> Response {
        .html(try text(template, object), status: status)
    }
}
