public import KnocknocModel

/// What an agent signs to prove that it holds the pinned key.
public enum SignedHello {
    /// The bytes to sign: a purpose that no other signature of ours has, then each part behind its length, so that
    /// no two triples give the same bytes.
    ///
    /// - Parameters:
    ///   - nonce: as it stands in the challenge, base64.
    ///   - host: the value of the `Host` header with which the agent asked for the link; case does not matter.
    public static func bytes(nonce: String, agent: AgentID, host: String) -> [UInt8] {
        var bytes = Array("knocknoc agent link hello, version 1\0".utf8)
        for part in [nonce, agent.description, host.lowercased()] {
            let utf8 = Array(part.utf8)
            bytes += stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: utf8.count >> $0) }
            bytes += utf8
        }
        return bytes
    }
}
