/// Why something in the lab did not come about.
public struct LabError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
