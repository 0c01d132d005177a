import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("behind a reverse proxy with TLS") struct EncryptedTests {
        @Test(
            "port 80 leads to 443, the portal is reached by its own name, and an upstream is known by its certificate",
            .timeLimit(limit))
        func encrypted() async throws {
            let network = Network()
            let (gateway, alice) = (try await network.host("g", 1), try await network.host("a", 2))
            let proxy = try ReverseProxy(on: gateway)
            do { try await walk(proxy, alice) } catch {
                let log = await proxy.log()
                await proxy.remove()
                await network.remove()
                throw LabError("\(error)\n--- HAProxy\n\(log)")
            }
            await proxy.remove()
            await network.remove()
        }

        private func walk(_ proxy: ReverseProxy, _ alice: Host) async throws {
            let gateway = proxy.host
            let (key, certificate, both) = (proxy.root + "/key.pem", proxy.root + "/cert.pem", proxy.root + "/both.pem")
            try await Shell.check([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days",
                "2", "-subj", "/CN=app.test", "-keyout", key, "-out", certificate,
            ])
            try await Shell.check(["sh", "-c", "cat \"$0\" \"$1\" >\"$2\"", certificate, key, both])
            _ = try await GatedService.start(on: gateway, port: 9001)
            let upstream = try gateway.start([
                "openssl", "s_server", "-accept", "127.0.0.1:9443", "-cert", certificate, "-key", key, "-www",
            ])
            _ = try await upstream.line { $0 == "ACCEPT" }
            try await proxy.enable([
                "--certificate", both, "--domain", "app.test", "--upstream", "https://127.0.0.1:9443", "--upstream-ca",
                certificate, "--portal", "https://knock.test", "--portal-upstream", "127.0.0.1:9001",
            ])
            try await proxy.start()
            func client(_ base: String) throws -> WebClient {
                try WebClient(on: alice, base: base, address: gateway.ipv4)
            }
            let plain = try await client("http://app.test:80").page("/wiki?a=b")
            #expect(plain.status == 308 && plain.header("location") == "https://app.test/wiki?a=b", "\(plain)")
            let app = try client("https://app.test:443")
            let refused = try await app.page("/wiki?a=b")
            #expect(
                refused.header("location") == "https://knock.test/?referrer=https%3A%2F%2Fapp.test%2Fwiki%3Fa%3Db",
                "\(refused)")
            let portal = try await client("https://knock.test:443").page("/login")
            #expect(portal.json["path"].string == "/login", "\(portal)")
            #expect(portal.json["headers"]["x-forwarded-proto"].string == "https")
            try await proxy.letIn(alice.ipv4, seconds: 600)
            #expect(try await app.page("/").status == 200)
            // Somebody else in the upstream's place, with a certificate of his own.
            await upstream.stop(SIGKILL)
            let other = (key: proxy.root + "/other-key.pem", certificate: proxy.root + "/other.pem")
            try await Shell.check([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days",
                "2", "-subj", "/CN=app.test", "-keyout", other.key, "-out", other.certificate,
            ])
            let impostor = try gateway.start([
                "openssl", "s_server", "-accept", "127.0.0.1:9443", "-cert", other.certificate, "-key", other.key,
                "-www",
            ])
            _ = try await impostor.line { $0 == "ACCEPT" }
            #expect(try await app.page("/").status == 503)
            await impostor.stop(SIGKILL)
        }
    }
}
