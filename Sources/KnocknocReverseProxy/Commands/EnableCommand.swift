public import ArgumentParser

/// `knocker enable …`
public struct EnableCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "enable", abstract: "Sets something up on this machine.",
        subcommands: [EnableReverseProxyCommand.self])

    public init() {}
}

/// `knocker disable …`
public struct DisableCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "disable", abstract: "Takes away what \"knocker enable\" has set up.",
        subcommands: [DisableReverseProxyCommand.self])

    public init() {}
}
