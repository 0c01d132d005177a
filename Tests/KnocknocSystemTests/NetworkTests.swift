import Foundation
import KnocknocCertificates
import KnocknocModel
import Testing

@testable import KnocknocSystem

@Suite("this machine's network and certificates")
struct NetworkTests {
    @Test("loopback is ours, addresses for documents are nobody's, a name is what it means here")
    func own() throws {
        #expect(OwnAddresses.contains(try #require(IPAddress("127.0.0.1"))))
        #expect(!OwnAddresses.contains(try #require(IPAddress("192.0.2.77"))))
        let loopback = try #require(OwnAddresses.networks().first { $0.address == .v4(0x7f00_0001) })
        #expect(loopback.network.description == "127.0.0.0/8")
        #expect(OwnAddresses.resolve("localhost").contains { $0.isLoopback })
        #expect(OwnAddresses.resolve("2001:db8::1").map(\.description) == ["2001:db8::1"])
        if let outward = OwnAddresses.outward() { #expect(!outward.isLoopback && OwnAddresses.contains(outward)) }
    }

    @Test("a certificate holds for its names and loopback, and OpenSSL takes it with its key")
    func certificate() async throws {
        let made = try SelfSignedCertificate(names: ["db.example", "2001:db8::1"])
        #expect(SelfSignedCertificate.isGood(made.certificate, for: ["db.example"]))
        #expect(!SelfSignedCertificate.isGood(made.certificate, for: ["other.example"]))
        #expect(!SelfSignedCertificate.isGood("no certificate", for: []))
        #expect(try SelfSignedCertificate.fingerprint(ofPEM: made.certificate) == made.fingerprint)
        let shown = try await Command.check(
            "reading", ["openssl", "x509", "-noout", "-text", "-fingerprint", "-sha256"], input: made.certificate)
        #expect(shown.contains("DNS:db.example, IP Address:2001:DB8:0:0:0:0:0:1, DNS:localhost"))
        let print = shown.split(separator: "\n").last?.split(separator: "=").last?.filter { $0 != ":" }.lowercased()
        #expect(print == made.fingerprint)
        let public1 = try await Command.check(
            "reading", ["openssl", "x509", "-noout", "-pubkey"], input: made.certificate)
        let public2 = try await Command.check("reading", ["openssl", "pkey", "-pubout"], input: made.key)
        #expect(public1 == public2)
    }

    @Test("a program is run as another user by root only")
    func user() async throws {
        #expect(try SystemUser.prefix(for: geteuid()).isEmpty)
        #expect(SystemUser.entry(of: 0)?.name == "root")
        #expect(SystemUser.entry(of: 4_000_000_000) == nil)
        guard geteuid() == 0 else { return }
        let nobody = try #require(SystemUser.prefix(for: 65534).first)
        #expect(nobody == "setpriv")
        #expect(try await Command.check("asking", try SystemUser.prefix(for: 65534) + ["id", "-u"]) == "65534")
        #expect(throws: SystemError.self) { try SystemUser.prefix(for: 4_000_000_000) }
    }
}
