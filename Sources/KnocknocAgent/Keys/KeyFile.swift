import Crypto
import FoundationEssentials
import KnocknocModel

/// The agent's keys on disk, mode 0600.
public struct KeyFile: Sendable {
    private struct Content: Codable {
        var version: Int
        var signing: Data
        var sealing: Data
    }

    public let path: String

    public init(path: String) { self.path = path }

    /// Reads the keys, or makes and writes them where there is no file.
    ///
    /// - Throws: ``AgentError``; a damaged file is never replaced, because new keys would be another agent's.
    public func readOrMake() throws(AgentError) -> AgentKeys {
        if let keys = try read() { return keys }
        let keys = AgentKeys()
        FileText.makeFolder(of: path)
        let content = Content(
            version: 1, signing: keys.signing.rawRepresentation, sealing: keys.sealing.rawRepresentation)
        guard let bytes = try? JSONEncoder().encode(content) else {
            throw AgentError(.keys, "\(path): new keys cannot be written as JSON")
        }
        try FileText.replace(path, with: Array(bytes))
        return keys
    }

    /// - Returns: nil where there is no file.
    public func read() throws(AgentError) -> AgentKeys? {
        guard let bytes = try FileText.kept(path, limit: 4096) else { return nil }
        guard let content = try? JSONText.decode(Content.self, from: bytes), content.version == 1,
            let signing = try? Curve25519.Signing.PrivateKey(rawRepresentation: content.signing),
            let sealing = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: content.sealing)
        else {
            throw AgentError(
                .keys,
                "\(path) does not hold this agent's keys; restore it from a backup, or remove it and approve "
                    + "the new fingerprint on the server")
        }
        return AgentKeys(signing: signing, sealing: sealing)
    }
}
