public import KnocknocModel

/// A Knoc by its name, where no more of it is told.
public struct KnocName: Sendable, Hashable {
    public var id: KnocID
    public var name: String

    public init(id: KnocID, name: String) {
        self.id = id
        self.name = name
    }
}
