/// A program of the administrator's that lets addresses in: `PATH add|del NAME ADDRESS` and `PATH flush NAME`.
public struct ScriptBackend: Hashable, Sendable {
    /// The program, an absolute path on the agent's machine.
    public var path: String
    /// What the program takes for the name of its list; `knocknoc` where nothing is given.
    public var name: String
    /// Variables that it is started with, beside a bare `PATH` and `LANG`.
    public var environment: [String: String]
    /// The same, sealed: only the agent can read the values.
    public var sealed: [String: SealedValue]
    /// What an administrator gives to be sealed: read from a request, replaced by `sealed` before anything is kept.
    public var secrets: [String: SecretText]
    public var flows: FlowMatch?
    /// See ``Backend/ipv6Prefix``.
    public var ipv6Prefix: Int?

    public static let standardName = "knocknoc"

    public init(
        path: String, name: String = Self.standardName, environment: [String: String] = [:],
        sealed: [String: SealedValue] = [:], secrets: [String: SecretText] = [:], flows: FlowMatch? = nil
    ) {
        self.path = path
        self.name = name
        self.environment = environment
        self.sealed = sealed
        self.secrets = secrets
        self.flows = flows
    }

    func validated() throws(ModelError) -> ScriptBackend {
        try checkPath(path, "script.path")
        try checkIdentifier(name, "script.name")
        guard environment.count + sealed.count + secrets.count <= 64 else {
            throw ModelError(.invalidBackend, "script.environment: at most 64 variables")
        }
        for (name, value) in environment {
            try checkVariable(name, "script.environment")
            guard value.utf8.count <= 4096, !value.utf8.contains(0) else {
                throw ModelError(
                    .invalidBackend, "script.environment: the value of \(name) is over 4,096 bytes or has a zero byte")
            }
        }
        for (name, value) in sealed {
            try checkVariable(name, "script.sealed")
            guard environment[name] == nil, secrets[name] == nil else {
                throw ModelError(.invalidBackend, "script.sealed: \(name) is given elsewhere too; give it once")
            }
            guard value.text.utf8.count <= 8192 else {
                throw ModelError(.invalidBackend, "script.sealed: \(name) is not what a server has sealed")
            }
        }
        for (name, secret) in secrets {
            try checkVariable(name, "script.secrets")
            guard environment[name] == nil else {
                throw ModelError(.invalidBackend, "script.secrets: \(name) is in environment too; give it once")
            }
            guard (1...4096).contains(secret.value.utf8.count), !secret.value.utf8.contains(0) else {
                throw ModelError(
                    .invalidBackend,
                    "script.secrets: the value of \(name) is empty, over 4,096 bytes or has a zero byte")
            }
        }
        var result = self
        result.flows = try flows?.validated()
        return result
    }

    /// What the program is started with belongs to the object: two Knocs that give it other variables have two targets.
    /// A value that is only sealed anew changes nothing about which object it is.
    var targetKey: String {
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.utf8.count):\($0.value)" }
        let names = Set(sealed.keys).union(secrets.keys).sorted()
        return "script \(path) \(name) [\((variables + names).joined(separator: " "))] \(flows?.key ?? "-")"
    }

    /// Names that programs act on unasked are refused (``ReservedVariables``).
    private func checkVariable(_ name: String, _ field: String) throws(ModelError) {
        let fits = name.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 95 }
        guard (1...64).contains(name.utf8.count), fits, name.utf8.first.map({ !(48...57).contains($0) }) == true else {
            throw ModelError(
                .invalidIdentifier,
                "\(field): \"\(name)\" is not a variable's name; expected A to Z, 0 to 9 and _, at most 64, no digit first"
            )
        }
        guard !ReservedVariables.contains(name) else {
            throw ModelError(
                .invalidIdentifier,
                "\(field): \(name) may not be set: programs act on it unasked; expected another name")
        }
    }
}
