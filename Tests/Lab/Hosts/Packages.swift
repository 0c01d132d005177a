public import Foundation

/// The packages under test: what `./dev deb` has made.
public enum Packages {
    /// `KNOCKNOC_PACKAGES`, else the folder beside the build.
    public static let folder: URL = {
        if let given = ProcessInfo.processInfo.environment["KNOCKNOC_PACKAGES"] {
            return URL(fileURLWithPath: given, isDirectory: true)
        }
        let build = Lab.executables.resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent()
        return build.appendingPathComponent("deb", isDirectory: true)
    }()

    /// The newest package of this name.
    public static func file(_ package: String) -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let all = names.filter { $0.hasPrefix(package + "_") && $0.hasSuffix(".deb") }
        return all.max { changed($0) < changed($1) }
    }

    /// What is missing, and how it is made; empty where nothing is.
    public static var obstacle: String {
        for package in ["knocknoc", "knocknoc-agent"] where file(package) == nil {
            return "\(folder.path) has no \(package)_*.deb: ./dev deb --from debug makes it"
        }
        return ""
    }

    private static func changed(_ name: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: folder.appendingPathComponent(name).path)
        return attributes?[.modificationDate] as? Date ?? .distantPast
    }
}

extension Machine {
    /// Installs the server, `knocker` and the installer, as a site does with the file that it has fetched.
    public func installServer() async throws { try await install("knocknoc") }

    /// Installs the agent.
    public func installAgent() async throws { try await install("knocknoc-agent") }

    private func install(_ package: String) async throws {
        guard let file = Packages.file(package) else { throw LabError(Packages.obstacle) }
        try await apt("/run/knocknoc-packages/" + file)
    }

    /// `apt-get install`, from the archive that lies in the image.
    public func apt(_ packages: String...) async throws {
        try await run(
            ["apt-get", "install", "-y", "-q"] + packages, environment: ["DEBIAN_FRONTEND": "noninteractive"])
    }
}
