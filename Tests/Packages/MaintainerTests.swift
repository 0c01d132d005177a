import Foundation
import Lab
import Testing

@Suite("who answers for a package") struct MaintainerTests {
    private static let checkout = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    private func named(_ variables: [String]) async throws -> (result: Shell.Result, line: String) {
        let folder = try Lab.temporaryFolder("maintainer")
        defer { try? FileManager.default.removeItem(at: folder) }
        let control = folder.path + "/control"
        try FileManager.default.copyItem(atPath: Self.checkout + "/Packaging/deb/control", toPath: control)
        let result = try await Shell.run(
            ["env", "-u", "DEBEMAIL", "-u", "DEBFULLNAME"] + variables
                + [
                    "bash", "-euc", ". \"$1/scripts/common.sh\"; name_maintainer \"$2\"", "-", Self.checkout, control,
                ])
        let text = try String(contentsOfFile: control, encoding: .utf8)
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("Maintainer:") }
        return (result, lines.joined(separator: "\n"))
    }

    @Test(
        "whoever makes it for others says so as to Debian's own tools; else it is nobody who can be written to",
        arguments: [
            ([], "Knocknoc maintainers <maintainers@knocknoc.example>"),
            (["DEBFULLNAME=Ada"], "Knocknoc maintainers <maintainers@knocknoc.example>"),
            (["DEBEMAIL=a@b.example"], "Knocknoc maintainers <a@b.example>"),
            (["DEBEMAIL=a@b.example", "DEBFULLNAME=Ada $1 L"], "Ada $1 L <a@b.example>"),
            (["DEBEMAIL=Ada L <a@b.example>"], "Ada L <a@b.example>"),
            (["DEBEMAIL=Ada L <a@b.example>", "DEBFULLNAME=Eve"], "Eve <a@b.example>"),
        ])
    func maintainer(_ variables: [String], _ expected: String) async throws {
        let (result, line) = try await named(variables)
        #expect(result.status == 0 && line == "Maintainer: \(expected)", "\(result) \(line)")
    }

    @Test(
        "what is no address is refused",
        arguments: ["Ada", "Ada <a>", "<<a@b>>", "a@b, c@d", "Ada <a@b> x", "Ada\nX: y <a@b>"])
    func refused(_ address: String) async throws {
        let (result, line) = try await named(["DEBEMAIL=\(address)"])
        #expect(result.status == 1 && result.errors.contains("expected NAME@HOST"), "\(result)")
        #expect(line == "Maintainer: Knocknoc maintainers <maintainers@knocknoc.example>")
    }
}
