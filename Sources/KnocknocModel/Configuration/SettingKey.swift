/// The names of one setting: in a file, in the environment and as a flag.
public struct SettingKey: Hashable, Sendable {
    /// As a file has it: `TLSCAFile`.
    public let name: String
    /// The words of the name in lower case: `tls`, `ca`, `file`.
    public let words: [String]

    public init(_ name: String, _ words: String...) {
        self.name = name
        self.words = words
    }

    /// The name in the environment, `PREFIX_TLS_CA_FILE`.
    public func environmentName(prefix: String) -> String {
        ([prefix] + words.map { $0.uppercased() }).joined(separator: "_")
    }

    /// The flag, `--tls-ca-file`.
    public var flag: String { "--" + words.joined(separator: "-") }
}
