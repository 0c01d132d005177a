/// One machine of the lab: a network namespace with an address of each family.
public struct Host: Sendable, Hashable {
    public let namespace: String
    public let ipv4: String
    public let ipv6: String

    /// The command that runs `command` on this host.
    public func inside(_ command: [String]) -> [String] { ["ip", "netns", "exec", namespace] + command }

    @discardableResult
    public func run(_ command: [String], input: String = "") async throws -> Shell.Result {
        try await Shell.check(inside(command), input: input)
    }

    /// Starts a process on this host; the caller stops it.
    public func start(
        _ command: [String], environment: [String: String] = [:], input: String = ""
    ) throws -> LabProcess {
        try LabProcess(inside(command), environment: environment, input: input)
    }

    /// Loads nftables commands.
    public func nft(_ ruleset: String) async throws { try await run(["nft", "-f", "-"], input: ruleset) }

    /// Cuts this host off the wire, or joins it again.
    public func wire(_ up: Bool) async throws { try await run(["ip", "link", "set", "eth0", up ? "up" : "down"]) }
}
