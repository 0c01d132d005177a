/// How pages speak of one kind of thing.
struct ResourceWords: Sendable {
    /// The last part of its path, `users`.
    var path: String
    /// `user`, with its article.
    var one: String
    var article: String
    /// `Users`.
    var title: String
    var lead: String
    var icon: String
    var emptyTitle: String
    var emptyText: String
    /// On the way to the form of a new one, and on the form's button.
    var adds = "New"
    var makes = "Create"
}
