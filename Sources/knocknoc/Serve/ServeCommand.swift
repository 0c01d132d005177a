import ArgumentParser

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves pages, API and agents' links.",
        discussion: """
            With --data-dir DIR alone it is the all-in-one: the database is a file in DIR, and an agent for this machine \
            is started as a child. With --database-url it is one node of a site, and agents link from elsewhere.

            Every option is also a key of the configuration file and a variable of the environment: --data-dir is \
            DataDir there and KNOCKNOC_DATA_DIR here. An option beats the environment, which beats the file. \
            EncryptionKey and AgentTokens have no option, since everybody on this machine can read the list of processes: \
            give them as KNOCKNOC_ENCRYPTION_KEY and KNOCKNOC_AGENT_TOKENS or in the file.
            """)

    @OptionGroup var options: ServeOptions

    func run() async throws { try await ServePlan(options).run() }
}
