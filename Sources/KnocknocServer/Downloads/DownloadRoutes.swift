import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import NIOCore

/// The agent's package and its checksum, for whoever holds an agent's token.
struct DownloadRoutes: Sendable {
    static let path = "/agent/v1/package"

    let site: Site
    private let files = FileIO()

    init(site: Site) { self.site = site }

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.get, "agent/v1/package/:architecture") { request, context in
            let package = try await package(request, context)
            return Response(
                status: .ok,
                headers: [
                    .contentType: "application/vnd.debian.binary-package", .cacheControl: "no-store",
                    .contentDisposition: "attachment; filename=\"\(Self.name)\"",
                ],
                body: try await files.loadFile(path: package.path, context: context))
        }
        // In the form that sha256sum -c reads.
        router.answer(.get, "agent/v1/package/:architecture/sha256") { request, context in
            let package = try await package(request, context)
            guard let folder = site.packages else { throw Self.none }
            let checksum = try await folder.checksum(of: package)
            return Response(
                status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(string: "\(checksum)  \(Self.name)\n")))
        }
    }

    /// What the file is called where it arrives, whichever release it is.
    static let name = "knocknoc-agent.deb"

    private static let none = Problem.notFound("no package here: the server's DownloadDir is not set")

    /// - Throws: ``Problem``: 401 before anything is said of what there is, 404.
    private func package(_ request: Request, _ context: KnocknocRequestContext) async throws -> AgentPackage {
        guard let token = request.bearer else {
            throw Problem.unauthenticated("Send the agent's token as Authorization: Bearer.")
        }
        guard try await site.access.mayEnrol(token: token, LinkCaller(address: context.clientAddress)) else {
            throw Problem.unauthenticated("No agent has this token, or the agent is disabled.")
        }
        guard let folder = site.packages else { throw Self.none }
        let packages = await folder.packages()
        let wanted = context.parameters.get("architecture") ?? ""
        guard let package = packages.first(where: { $0.architecture == wanted }) else {
            let known = packages.map(\.architecture).joined(separator: ", ")
            throw Problem.notFound(
                "no package for this architecture; DownloadDir has \(known.isEmpty ? "none at all" : "those for \(known)")"
            )
        }
        return package
    }
}
