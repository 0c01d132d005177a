import Hummingbird
import HummingbirdCore

/// An error for people, in the frame of our pages.
enum ErrorPage {
    static func response(_ problem: Problem, _ site: Site, _ context: KnocknocRequestContext) -> Response {
        let page = try? site.renderer.page(
            "message", MessagePage(problem, site, context), status: problem.status)
        var response = page ?? plain(problem)
        for field in problem.headers { response.headers.append(field) }
        return response
    }

    private static func plain(_ problem: Problem) -> Response {
        Response(
            status: problem.status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: .init(string: "\(problem.title)\n\n\(problem.detail)\n")))
    }
}
