/// Where questions are asked and answers come from.
public protocol Terminal: Sendable {
    func say(_ line: String)
    /// One line without its end; nil where there is no more input.
    ///
    /// - Parameter isSecret: what is typed does not show.
    func ask(_ prompt: String, isSecret: Bool) -> String?
}
