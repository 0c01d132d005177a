/// A new key's secret, shown this once, as `api-key.mustache` reads it.
struct APIKeyPage {
    var frame: Frame
    var heading: Heading
    var secret: String
    var done: String

    init(frame: Frame, name: String, secret: String, done: String) {
        (self.frame, self.secret, self.done) = (frame, secret, done)
        heading = Heading(title: "The key \(name) is made")
    }
}
