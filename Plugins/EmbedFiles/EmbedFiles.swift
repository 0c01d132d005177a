import PackagePlugin

/// Compiles text files into a target as string constants, so that an executable needs no files beside it.
@main struct EmbedFiles: BuildToolPlugin {
    /// Folders by target, relative to the package.
    static let folders = [
        "KnocknocStore": ["Migrations/postgres", "Migrations/sqlite"],
        "KnocknocToolkit": ["Packaging/systemd"],
        "KnocknocServer": [
            "Sources/KnocknocServer/Assets", "Sources/KnocknocServer/Templates", "Packaging/systemd",
        ],
    ]

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let folders = Self.folders[target.name] else { return [] }
        let root = context.package.directoryURL
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedFiles.swift")
        let inputs = folders.map { root.appending(path: $0) }
        return [
            .buildCommand(
                displayName: "Embedding files into \(target.name)",
                executable: try context.tool(named: "embed-files").url,
                arguments: [output.path()] + inputs.map { $0.path() },
                inputFiles: inputs + inputs.flatMap(files),
                outputFiles: [output]
            )
        ]
    }
}
