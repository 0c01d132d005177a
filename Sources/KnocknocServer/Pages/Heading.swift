/// The top of a page of the administration.
struct Heading {
    var title: String
    var lead: String?
    var back: Link?
    var action: Link?
    /// A quieter way on beside the main one.
    var other: Link?
}
