extension CIDR: CustomStringConvertible {
    public var description: String { "\(address)/\(length)" }

    /// Reads `address/length` or a bare address (its own network).
    ///
    /// - Throws: ``ModelError`` with the reason and, for host bits, the network that was probably meant.
    public init(parsing text: String) throws(ModelError) {
        let (address, network) = try Self.read(text)
        guard network.address == address else {
            throw ModelError(.invalidAddress, "\"\(text)\" has host bits set; did you mean \(network)?")
        }
        self = network
    }

    /// The network that a text with host bits set seems to mean; nil where it is anything else.
    static func meant(by text: String) -> CIDR? {
        guard let (address, network) = try? read(text), network.address != address else { return nil }
        return network
    }

    /// Reads an address, and the network of the given length that it is in.
    private static func read(_ text: String) throws(ModelError) -> (address: IPAddress, network: CIDR) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else {
            throw ModelError(.invalidAddress, "\"\(text)\" is not an address or a network such as 192.0.2.0/24")
        }
        guard parts.count == 2 else { return (address, CIDR(address)) }
        let mapped = parts[0].contains(":") && address.family == .v4
        guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let given = Int(parts[1]),
            let network = CIDR(containing: address, length: mapped ? given - 96 : given)
        else {
            throw ModelError(
                .invalidAddress, "\"\(text)\": the prefix length must be 0 to \(mapped ? 128 : address.family.bits)")
        }
        return (address, network)
    }
}

extension CIDR: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do throws(ModelError) {
            self = try CIDR(parsing: try container.decodeText())
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension SingleValueDecodingContainer {
    fileprivate func decodeText() throws(ModelError) -> String {
        do { return try decode(String.self) } catch { throw ModelError(.invalidAddress, "expected a text") }
    }
}
