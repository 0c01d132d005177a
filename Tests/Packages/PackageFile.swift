import Foundation
import Lab

/// A package as it lies in the folder, not installed.
struct PackageFile: Sendable {
    /// A line of its listing.
    struct Entry: Sendable {
        var mode: String
        var owner: String
        var path: String
        /// Where a symbolic link leads.
        var target: String?
    }

    let name: String
    let path: String

    init(_ name: String) throws {
        guard let file = Packages.file(name) else { throw LabError(Packages.obstacle) }
        self.name = name
        path = Packages.folder.appendingPathComponent(file).path
    }

    func entries() async throws -> [Entry] {
        try await Shell.check(["dpkg-deb", "--contents", path]).text.split(separator: "\n").map { line in
            // Mode, owner, size, date, time, and the path, which holds no spaces here.
            let words = line.split(separator: " ", maxSplits: 5).map(String.init)
            let names = words[5].components(separatedBy: " -> ")
            return Entry(
                mode: words[0], owner: words[1], path: String(names[0].dropFirst()),
                target: names.count > 1 ? names[1] : nil)
        }
    }

    func field(_ name: String) async throws -> String {
        try await Shell.check(["dpkg-deb", "--field", path, name]).text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Unpacks it into a folder for the time of `body`.
    func unpacked<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        let folder = try Lab.temporaryFolder("unpacked")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await Shell.check(["dpkg-deb", "--extract", path, folder.path])
        return try await body(folder)
    }

    /// The same package with a higher version, written into `folder`.
    func newer(in folder: URL) async throws -> (file: String, version: String) {
        let version = try await field("Version") + "+next"
        let tree = folder.appendingPathComponent(name)
        try await Shell.check(["dpkg-deb", "--raw-extract", path, tree.path])
        try await Shell.check(
            ["sed", "-i", "s/^Version: .*/Version: \(version)/", tree.path + "/DEBIAN/control"])
        let file = "\(name)_\(version)_amd64.deb"
        try await Shell.check(
            ["dpkg-deb", "-Znone", "--build", tree.path, folder.appendingPathComponent(file).path])
        try FileManager.default.removeItem(at: tree)
        return (file, version)
    }
}
