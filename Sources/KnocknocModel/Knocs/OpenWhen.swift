/// How many of a Knoc's agents must have applied a grant before it is shown as open.
public enum OpenWhen: String, Hashable, Sendable, Codable, CaseIterable {
    case all, one
}
