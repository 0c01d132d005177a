/// One SQL statement in the portable dialect with its parameters `$1`, `$2`, ….
///
/// The text is a constant of the program: drivers prepare it once per connection and key their caches by it.
public struct Statement: Sendable {
    public let sql: String
    public let parameters: [Value]

    public init(_ sql: StaticString, _ parameters: any ValueConvertible...) {
        self.sql = sql.description
        self.parameters = parameters.map(\.value)
    }

    /// For SQL that is put together from constants, never from input.
    public init(constants sql: String, _ parameters: [any ValueConvertible]) {
        self.sql = sql
        self.parameters = parameters.map(\.value)
    }
}
