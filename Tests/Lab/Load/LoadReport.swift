/// What people at work have seen; times are on ``Clock``, spans in seconds.
public struct LoadReport: Decodable, Sendable {
    /// What somebody was told last.
    public struct Holding: Decodable, Sendable {
        public enum State: String, Decodable, Sendable {
            case granted, revoked
            /// The last request had no answer: it may have been done or not.
            case unknown
        }
        public var name: String
        public var state: State
        public var since: Double
    }

    public struct Failure: Decodable, Sendable, CustomStringConvertible {
        public var at: Double
        public var name: String
        public var request: String
        public var why: String

        public init(from decoder: any Decoder) throws {
            var items = try decoder.unkeyedContainer()
            at = try items.decode(Double.self)
            name = try items.decode(String.self)
            request = try items.decode(String.self)
            why = try items.decode(String.self)
        }

        public var description: String { "at \(at) \(name): \(request): \(why)\n" }
    }

    /// Somebody was sent to another node.
    public struct Move: Decodable, Sendable {
        public var at: Double
        public var name: String
        public var from: String
        public var to: String

        public init(from decoder: any Decoder) throws {
            var items = try decoder.unkeyedContainer()
            at = try items.decode(Double.self)
            name = try items.decode(String.self)
            from = try items.decode(String.self)
            to = try items.decode(String.self)
        }
    }

    /// Something was taken away: before `begun` it was there, after `done` it was not.
    public struct Loss: Sendable {
        public var begun: Double
        public var done: Double

        public init(_ body: () async throws -> Void) async rethrows {
            begun = Clock.now
            try await body()
            done = Clock.now
        }
    }

    /// A grant or a revoke that was acknowledged.
    public struct Change: Decodable, Sendable {
        public var begun: Double
        public var ended: Double

        public init(from decoder: any Decoder) throws {
            var items = try decoder.unkeyedContainer()
            begun = try items.decode(Double.self)
            ended = try items.decode(Double.self)
        }
    }

    public var requests: Int
    /// Grants and revokes among them.
    public var changes: Int
    /// Sign-ins among them; what everybody signed in with at first is not counted.
    public var signIns: Int
    public var seconds: Double
    public var failures: [Failure]
    /// Who was answered 401.
    public var signedOut: [String]
    public var moves: [Move]
    /// Requests answered by each node.
    public var served: [String: Int]
    public var p50: Double
    public var p99: Double
    public var longest: Double
    public var ledger: [Holding]
    public var acknowledged: [Change]

    enum CodingKeys: String, CodingKey {
        case requests, changes, seconds, failures, moves, served, p50, p99, longest, ledger, acknowledged
        case signIns = "sign_ins"
        case signedOut = "signed_out"
    }
}

extension LoadReport {
    /// Seconds from a loss to the first change that was asked for after it and acknowledged; nil where none was.
    public func service(after loss: Loss) -> Double? {
        acknowledged.filter { $0.begun >= loss.done }.map(\.ended).min().map { $0 - loss.begun }
    }

    /// When the first change was acknowledged from this moment on, whenever it was asked for; both on ``Clock``.
    public func acknowledged(from moment: Double) -> Double? {
        acknowledged.map(\.ended).filter { $0 >= moment }.min()
    }

    /// The longest time, in seconds, without an acknowledged change, from a moment on ``Clock`` to the last one.
    public func longestPause(from moment: Double) -> Double {
        let times = [moment] + acknowledged.map(\.ended).filter { $0 > moment }.sorted()
        return zip(times.dropFirst(), times).map { $0 - $1 }.max() ?? .infinity
    }
}

extension LoadReport: CustomStringConvertible {
    public var description: String {
        let milliseconds = { (span: Double) in String(Int((span * 1000).rounded())) + " ms" }
        return "\(requests) requests in \(Int(seconds)) s, \(changes) of them grants and revokes, \(signIns) sign-ins, "
            + "\(failures.count) failed, median \(milliseconds(p50)), p99 \(milliseconds(p99)), longest "
            + "\(milliseconds(longest)), by node \(served.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })"
    }
}
