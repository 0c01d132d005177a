import ArgumentParser
import FoundationEssentials
import Glibc
import KnocknocModel
import KnocknocServer

/// What `KNOCKNOC_ROLE` makes of a call without a subcommand: one image, and its environment says what it is.
enum Role: String, CaseIterable {
    case server
    case agent
    case allInOne = "all-in-one"

    /// The arguments with which to go on; this process becomes the agent where that is the role.
    ///
    /// - Parameter given: those after the program's name.
    static func arguments(_ given: [String]) throws -> [String]? {
        guard given.first.map({ $0.hasPrefix("-") && !own.contains($0) }) ?? true,
            let text = ProcessInfo.processInfo.environment[variable], !text.isEmpty
        else { return nil }
        guard let role = Role(rawValue: text) else {
            let known = allCases.map(\.rawValue).joined(separator: ", ")
            throw refusal("\"\(text)\" cannot be used; expected one of \(known)")
        }
        switch role {
        case .server: return ["serve"] + given
        case .allInOne: return ["serve", "--all-in-one"] + given
        case .agent:
            try becomeAgent(["run"] + given)
            return nil
        }
    }

    private static let variable = "KNOCKNOC_ROLE"
    /// Flags that are about this program, whichever role it has.
    private static let own: Set<String> = [
        "-h", "--help", "--help-hidden", "--version", "--generate-completion-script", "--experimental-dump-help",
    ]

    private static func becomeAgent(_ arguments: [String]) throws {
        let environment = ProcessInfo.processInfo.environment
        if environment["KNOCKNOC_DATABASE_URL"]?.isEmpty == false {
            throw refusal(
                "KNOCKNOC_DATABASE_URL is set, and an agent has no database; expected it with the role server alone")
        }
        let path = try AgentExecutable.path()
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        execv(path, words)
        throw refusal("\(path) cannot be started: \(String(cString: strerror(errno)))")
    }

    private static func refusal(_ message: String) -> ConfigurationError {
        ConfigurationError([.init(place: "environment \(variable)", message: message)])
    }
}
