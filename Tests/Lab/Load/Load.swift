import Foundation

/// People at work on a host of the lab, with a ledger of what the site has acknowledged to them.
public struct Load: Sendable {
    /// Somebody with an address and a Knoc that nobody else has from there.
    public struct Person: Sendable {
        public var name: String
        public var address: String
        public var knoc: String

        public init(name: String, address: String, knoc: String) {
            self.name = name
            self.address = address
            self.knoc = knoc
        }
    }

    private let process: LabProcess

    /// Signs everybody in, and lets them work until ``finish()``.
    ///
    /// - Parameters:
    ///   - name: of the site.
    ///   - certificate: the only one that is trusted, in PEM.
    ///   - isNamed: whether the certificate has to show that name.
    ///   - rate: requests a second by all of them at most.
    ///   - changes: the part of the requests that grant or revoke, 0 to 1.
    ///   - signIns: the part of the other requests that signs the person in once more, 0 to 1.
    ///   - cookie: by which the load balancer tells the nodes apart; empty where there is none.
    public static func start(
        on host: Host, _ people: [Person], at address: String, name: String, certificate: String, rate: Double,
        changes: Double, signIns: Double = 0, cookie: String = "", port: Int = 443, isNamed: Bool = true
    ) async throws -> Load {
        let plan: JSON = [
            "address": .string(address), "name": .string(name), "certificate": .string(certificate),
            "rate": .number(rate), "changes": .number(changes), "sign_ins": .number(signIns), "cookie": .string(cookie),
            "port": .number(Double(port)), "named": .bool(isNamed), "patience": 15,
            "password": .string(Site.password),
            "people": .array(
                people.map {
                    ["name": .string($0.name), "address": .string($0.address), "knoc": .string($0.knoc)]
                }),
        ]
        let process = try host.start(
            ["python3", "-u", "-c", LoadProgram.text], input: plan.description + "\n")
        let load = Load(process: process)
        do {
            _ = try await process.line(within: .seconds(120)) { $0 == "signed in" }
        } catch {
            await process.stop(SIGKILL)
            throw LabError("\(error)\n\(process.errorText)")
        }
        return load
    }

    /// How many requests have been answered, or have failed.
    public var requests: Int {
        process.outputLines.last { $0.hasPrefix("requests ") }.flatMap { Int($0.dropFirst(9)) } ?? 0
    }

    /// Waits until as many more requests have been made.
    public func more(_ count: Int, within limit: Duration = .seconds(400)) async throws {
        try await until(requests + count, within: limit)
    }

    public func until(_ count: Int, within limit: Duration = .seconds(400)) async throws {
        _ = try await process.line(within: limit) { line in
            line.hasPrefix("requests ") && (Int(line.dropFirst(9)) ?? 0) >= count
        }
    }

    /// Waits until a grant or a revoke is acknowledged that was asked for from now on, or after `moment` on ``Clock``.
    public func untilAcknowledged(
        after moment: Double = Clock.now, within limit: Duration = .seconds(60)
    ) async throws {
        _ = try await process.line(within: limit) { line in
            line.hasPrefix("acknowledged ") && (Double(line.dropFirst(13)) ?? 0) >= moment
        }
    }

    /// Lets everybody finish what they are at; then nobody does anything until ``goOn()``.
    public func hold() async throws -> LoadReport { try await report(SIGUSR1) }

    public func goOn() { process.signal(SIGUSR2) }

    /// Lets everybody finish what they are at.
    public func finish() async throws -> LoadReport { try await report(SIGTERM) }

    private func report(_ signal: Int32) async throws -> LoadReport {
        let seen = process.outputLines.count
        process.signal(signal)
        let line = try await process.line(from: seen, within: .seconds(120)) { $0.hasPrefix("report ") }
        return try JSONDecoder().decode(LoadReport.self, from: Data(line.dropFirst(7).utf8))
    }

    public func stop() async { await process.stop(SIGKILL) }
}
