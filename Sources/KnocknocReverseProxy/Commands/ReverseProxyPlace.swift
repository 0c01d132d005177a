import ArgumentParser

/// Which HAProxy and which agent are meant.
struct ReverseProxyPlace: ParsableArguments {
    @Option(help: ArgumentHelp("HAProxy's file.", valueName: "file")) var config: String?
    @Option(help: ArgumentHelp("The agent's file.", valueName: "file")) var agentConfig: String?
    @Option(help: ArgumentHelp("The data folder of an all-in-one, whose agent is meant.", valueName: "folder"))
    var dataDir: String?
    @Option(help: .hidden) var root = ""

    var layout: ReverseProxyLayout {
        ReverseProxyLayout(
            root: root, configuration: config, agentConfiguration: agentConfig, dataDirectory: dataDir)
    }
}
