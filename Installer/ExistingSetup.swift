import KnocknocModel
import KnocknocStore
import KnocknocSystem
import KnocknocToolkit

/// What is set up on this machine already.
struct ExistingSetup: Sendable {
    /// The configuration; nil where there is none.
    var configuration: ConfigurationText?
    /// The encryption key that is in its file.
    var key: EncryptionKey?
    /// Whether systemd can run the server here.
    var hasService = false
    /// Whether it runs, and so listens where the configuration says.
    var isRunning = false

    static func read(_ layout: InstallLayout) async throws -> ExistingSetup {
        var existing = ExistingSetup()
        if let text = try SystemFile(layout.configuration).text() {
            let (_, problems) = ConfigurationFile.read(text, name: layout.configuration)
            guard problems.isEmpty else {
                throw SetupError(
                    .invalid,
                    problems.map(\.description).joined(separator: "\n")
                        + "\nput that right, or move the file away and start fresh")
            }
            existing.configuration = ConfigurationText(text)
        }
        existing.key = try KeyFile(layout).key()
        if layout.root.isEmpty, SystemdUnit.isHere {
            existing.hasService = try await SystemdUnit(InstallLayout.unit).isKnown()
            existing.isRunning = try await SystemdUnit(InstallLayout.unit).isActive()
        }
        return existing
    }

    func value(_ key: String) -> String? { configuration?[key] }

    var listen: ListenAddress? { value("Listen").flatMap(ListenAddress.init) }

    /// The database of the configuration, whatever way it names it.
    var database: DatabaseURL? {
        if let text = value("DatabaseURL") { return try? DatabaseURL(text) }
        return value("DataDir").flatMap { try? DatabaseURL("sqlite://\($0)/knocknoc.db") }
    }

    var hasTLS: Bool { value("TLSSelfSigned") != nil || value("TLSCertificate") != nil }
}
