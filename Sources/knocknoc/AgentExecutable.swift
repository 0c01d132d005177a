import FoundationEssentials
import Glibc
import KnocknocServer

/// The agent's program, which comes beside the server's or in a package of its own.
enum AgentExecutable {
    /// - Throws: ``ServerError`` where there is none.
    static func path() throws -> String {
        let own = try ownPath()
        let beside = own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/knocknoc-agent"
        let given = ProcessInfo.processInfo.environment["KNOCKNOC_AGENT_EXECUTABLE"]
        let places = given.map { [$0] } ?? [String(beside), "/opt/knocknoc-agent/bin/knocknoc-agent"]
        guard let path = places.first(where: { access($0, X_OK) == 0 }) else {
            throw ServerError(
                .files,
                "the agent's executable is not at \(places.joined(separator: " or ")); put it there, or set "
                    + "KNOCKNOC_AGENT_EXECUTABLE")
        }
        return path
    }

    static func ownPath() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw ServerError(.files, "cannot tell where this executable is") }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
