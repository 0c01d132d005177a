import HTTPTypes
import Hummingbird
import Synchronization

/// The methods of each route, to tell "no such thing" from "not with this method".
final class RouteTable: Sendable {
    private struct Route: Sendable {
        var parts: [String]
        var method: String
    }

    private let routes = Mutex<[Route]>([])

    func fill(from router: KnocknocRouter) {
        let found = router.routes.map { route in
            Route(parts: Self.parts(route.path.description), method: route.method.rawValue)
        }
        routes.withLock { $0 = found }
    }

    /// Every route, `METHOD /path/:capture`.
    var all: [String] { routes.withLock { $0.map { $0.method + " /" + $0.parts.joined(separator: "/") } } }

    /// The methods that a path takes, HEAD beside GET; empty where there is no such path.
    func methods(of path: String) -> [String] {
        let parts = Self.parts(path)
        let found = routes.withLock { routes in
            routes.filter { route in
                route.parts.count == parts.count
                    && zip(route.parts, parts).allSatisfy { pattern, part in
                        pattern == part || pattern.hasPrefix(":") || pattern.hasPrefix("{")
                    }
            }
        }
        var methods = Set(found.map(\.method))
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted()
    }

    private static func parts(_ path: String) -> [String] { path.split(separator: "/").map(String.init) }
}
