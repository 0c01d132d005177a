public import KnocknocModel

/// One list as it is at one moment, in every format.
public final class AllowListDocument: Sendable {
    public struct Form: Sendable {
        public let bytes: [UInt8]
        /// Strong, and the same on every node and agent that serves the same lines.
        public let tag: String
    }

    public let list: AllowListID
    /// How many lines it has.
    public let count: Int
    public let text: Form
    public let json: Form
    /// When the first of its lines ends; nil where it has none.
    let until: Timestamp?

    init(_ list: AllowListID, _ members: [(network: CIDR, until: Timestamp)], at now: Timestamp) {
        let lines = AllowListText.lines(members, at: now)
        self.list = list
        count = lines.count
        text = Self.form(list, lines, .text)
        json = Self.form(list, lines, .json)
        until = members.lazy.map(\.until).filter { $0 > now }.min()
    }

    public func form(_ format: AllowListFormat) -> Form {
        switch format {
        case .text: text
        case .json: json
        }
    }

    private static func form(_ list: AllowListID, _ lines: [CIDR], _ format: AllowListFormat) -> Form {
        let bytes = AllowListText.bytes(of: list, lines, as: format)
        return Form(bytes: bytes, tag: EntityTag.strong(hash: Secret.hash(bytes)))
    }
}
