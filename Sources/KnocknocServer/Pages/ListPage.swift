/// A page with one list, as `list.mustache` reads it.
struct ListPage {
    struct Pager {
        var first: String?
        var next: String?
        var nextLabel = "More"
    }

    var frame: Frame
    var heading: Heading
    var table: Table
    /// Changes by itself; the page's script fetches it again while somebody looks.
    var live = false
    var pager: Pager?
}
