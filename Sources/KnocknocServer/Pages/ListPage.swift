/// A page with one list, as `list.mustache` reads it.
struct ListPage {
    struct Pager {
        var first: String?
        var next: String?
        var nextLabel = "More"
    }

    /// A choice above the list.
    struct Narrowing {
        var action: String
        var field: Field
    }

    var frame: Frame
    var heading: Heading
    var narrowing: Narrowing?
    var table: Table
    /// Changes by itself; the page's script fetches it again while somebody looks.
    var live = false
    var pager: Pager?
}
