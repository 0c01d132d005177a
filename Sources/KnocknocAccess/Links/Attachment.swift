/// What became of an agent's `hello`.
public enum Attachment: Sendable, Hashable {
    /// The link is the agent's newest; writes of older epochs are void from now on.
    case accepted(epoch: Int64)
    /// Another key than the pinned one: an administrator must approve this fingerprint.
    case keyChanged(fingerprint: String)
    /// Another instance with the same identity lives and answers over its link.
    case duplicate
    /// Deleted or disabled.
    case revoked
}
