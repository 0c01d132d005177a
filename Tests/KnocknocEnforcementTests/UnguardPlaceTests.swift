import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// What a table says that somebody else than root may have written.
@Suite("what unguard takes from the kernel") struct UnguardPlaceTests {
    private static let user: UInt32 = 65_534

    /// Runs `body` in a folder of its own, with one of root's and one of the agent's user in it, each with a boot file.
    private func inFolder(_ body: (_ roots: String, _ theirs: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/knocknoc-unguard-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for made in ["/roots", "/theirs", "/theirs/x"] {
            try FileManager.default.createDirectory(atPath: folder + made, withIntermediateDirectories: true)
        }
        for path in ["/roots/guard.nft", "/theirs/x/guard.nft", "/theirs/guard.nft"] {
            try SkeletonFile(folder + path).write(SkeletonFile.render(OwnTable()))
        }
        for made in ["/theirs", "/theirs/x"] { #expect(chown(folder + made, Self.user, Self.user) == 0) }
        try body(folder + "/roots", folder + "/theirs")
    }

    private func listing(naming path: String) throws -> TableListing {
        let rules = try #require(BootFile(path)).rules.map { "\t\t\($0)\n" }.joined()
        return try #require(
            TableListing(ruleset: "table inet knocknoc {\n\tchain boot_file {\n\(rules)\t}\n}\n"))
    }

    private func table(_ ports: UInt16) throws -> String {
        guard case .nftablesGuard(let value) = guardTarget(1, .tcp, [ports]).backend else { return "" }
        return SkeletonFile.render(OwnTable(guards: [try GuardRules(target(1), value)]))
    }

    @Test(
        "a boot file that the table names is the one that was looked at, though its folder becomes a link meanwhile",
        .enabled(if: geteuid() == 0, "skipped: only root could be led elsewhere"))
    func swapped() throws {
        try inFolder { roots, theirs in
            let place = Unguard.Place.remembered(otherwise: theirs + "/guard.nft")
            let file = try #require(place.file(try listing(naming: theirs + "/x/guard.nft")))
            #expect(file.path == theirs + "/x/guard.nft" && file.isOurs)
            #expect(rename(theirs + "/x", theirs + "/y") == 0)
            #expect(symlink(roots, theirs + "/x") == 0)
            try file.write(try table(9000))
            #expect(try String(contentsOfFile: theirs + "/y/guard.nft", encoding: .utf8).contains("dport { 9000 }"))
            #expect(try SkeletonFile(roots + "/guard.nft").read() == SkeletonFile.render(OwnTable()))
            file.remove()
            #expect(SkeletonFile(roots + "/guard.nft").isOurs && !SkeletonFile(theirs + "/y/guard.nft").isOurs)
        }
    }

    @Test(
        "a boot file that the table names behind a link of the agent's user is not taken for ours",
        .enabled(if: geteuid() == 0, "skipped: only root could be led elsewhere"))
    func behindLink() throws {
        try inFolder { roots, theirs in
            #expect(symlink(roots, theirs + "/way") == 0 && lchown(theirs + "/way", Self.user, Self.user) == 0)
            let standard = theirs + "/guard.nft"
            let named = Unguard.Place.remembered(otherwise: standard)
                .file(try listing(naming: theirs + "/way/guard.nft"))
            #expect(named?.path == standard)
            let given = Unguard.Place.given(theirs + "/way/guard.nft").file(nil)
            let error = #expect(throws: EnforcementError.self) { try given?.write(try table(9000)) }
            #expect(error?.message.contains("root does not follow it") == true, "\(String(describing: error))")
            #expect(throws: EnforcementError.self) { try given?.read() }
            given?.remove()
            #expect(try SkeletonFile(roots + "/guard.nft").read() == SkeletonFile.render(OwnTable()))
        }
    }

    @Test("no text of the kernel's is in the commands that root runs, and none that is no rule in the boot file")
    func foreignText() throws {
        let name = GuardName(target(1))
        let text = """
            table inet knocknoc {
            \tchain ingress {
            \t\ttype filter hook prerouting priority -150; policy accept;
            \t\tip saddr { 192.0.2.0/24, 198.51.100.1 } accept
            \t\tip6 saddr 2001:db8::/32 accept
            \t\tip saddr 192.0.2.1 accept comment "x"; include "/etc/shadow"; accept
            \t}
            \tchain boot_file {
            \t\taccept comment "/x"; include "/etc/shadow"
            \t}
            \tchain \(name.ingressDrop) {
            \t\ttcp dport 9000 drop comment "x"; include "/etc/shadow"
            \t}
            }
            """
        let table = OwnTable(try #require(TableListing(ruleset: text)))
        #expect(table.guards.map(\.name) == [name])
        #expect(!table.naming.contains("shadow") && table.commands.contains("shadow"))
        for rule in ["ip saddr { 192.0.2.0/24, 198.51.100.1 } accept", "ip6 saddr 2001:db8::/32 accept"] {
            #expect(table.naming.contains("add rule inet knocknoc ingress \(rule)\n"))
        }
        #expect(table.naming.contains("add rule inet knocknoc ingress jump \(name.ingressDrop)\n"))
        try inFolder { roots, _ in
            let file = SkeletonFile(roots + "/guard.nft")
            let error = #expect(throws: EnforcementError.self) { try file.write(SkeletonFile.render(table)) }
            #expect(error?.message.contains("a rule that the agent does not write") == true)
            let kept = try file.read()
            #expect(kept == SkeletonFile.render(OwnTable()))
        }
    }
}
