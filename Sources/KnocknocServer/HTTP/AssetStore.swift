import Crypto
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// The stylesheet, scripts and pictures compiled in; their URLs carry a hash, so browsers keep them for good.
struct AssetStore: Sendable {
    private struct Asset: Sendable {
        var body: ByteBuffer
        var type: String
        var hash: String
    }

    private let assets: [String: Asset]

    init(files: [String: String] = EmbeddedFiles.all) {
        var assets: [String: Asset] = [:]
        for (path, text) in files where path.hasPrefix("Assets/") {
            let name = String(path.dropFirst(7))
            let text = name.hasSuffix(".css") ? Self.lean(text) : text
            let digest = SHA256.hash(data: Array(text.utf8)).prefix(6)
            assets[name] = Asset(
                body: ByteBuffer(string: text), type: Self.type(of: name), hash: digest.map { Self.hex($0) }.joined())
        }
        self.assets = assets
    }

    /// The address of an asset, `/assets/HASH/NAME`.
    func url(_ name: String) -> String { "/assets/\(assets[name]?.hash ?? "0")/\(name)" }

    func text(_ name: String) -> String? { assets[name].map { String(buffer: $0.body) } }

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.get, "assets/:hash/:name") { request, context in
            guard let name = context.parameters.get("name"), let asset = assets[name] else {
                throw Problem.notFound("no such asset")
            }
            let fresh = context.parameters.get("hash") == asset.hash
            return answer(asset, request, cache: fresh ? "public, max-age=31536000, immutable" : "no-cache")
        }
        for name in ["favicon.svg", "robots.txt"] {
            guard let asset = assets[name] else { continue }
            router.answer(.get, RouterPath(name)) { request, _ in answer(asset, request, cache: "public, max-age=86400")
            }
        }
    }

    private func answer(_ asset: Asset, _ request: Request, cache: String) -> Response {
        let tag = "\"\(asset.hash)\""
        let headers: HTTPFields = [.contentType: asset.type, .cacheControl: cache, .eTag: tag]
        if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: asset.body))
    }

    /// A stylesheet without indentation and empty lines, a tenth of it, which mean nothing to a browser.
    private static func lean(_ text: String) -> String {
        text.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: "\n")
    }

    private static func hex(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    private static func type(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        case "json": "application/json"
        default: "text/plain; charset=utf-8"
        }
    }
}
