/// A page that only says something, as `message.mustache` reads it.
struct MessagePage {
    var frame: Frame
    var heading: String
    var paragraphs: [String]
    /// The request's id in the log.
    var request: String
    var link: Link?
}
