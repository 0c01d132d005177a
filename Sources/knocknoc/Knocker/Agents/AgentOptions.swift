import ArgumentParser
import KnocknocAccess

/// One agent, and where the database is.
struct AgentOptions: ParsableArguments {
    @Argument(help: "The agent's name or id.") var name: String
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    /// Runs `work` with the agent that is meant.
    func with(_ work: (Access, AgentRecord) async throws -> Void) async throws {
        try await SiteAccess.with(database) { access in try await work(access, try await access.agent(called: name)) }
    }

    /// Says what is so now, as JSON where that is wanted.
    func tell(_ agent: AgentRecord, _ words: String) throws {
        Exit.tell(json ? try AgentOutput.json(AgentOutput(agent)) : words)
    }
}
