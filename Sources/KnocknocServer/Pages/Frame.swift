/// What every page has around its content. Templates read it by reflection, hence stored properties only.
struct Frame {
    struct Item {
        var href: String
        var label: String
        var icon: String
        var current: Bool
        var gap: Bool
    }

    var title: String
    var csrf: String
    /// URLs of the assets, which carry their content's hash.
    var style: String
    var script: String
    var icon: String
    /// The database's time, so that countdowns do not depend on the reader's clock.
    var now: String
    var home: String
    var who = ""
    /// Plain HTTP by choice: a banner says so.
    var insecure: Bool
    var wide = false
    var reading = false
    var admin = false
    /// Something is on its way, and a reader without scripts should see it arrive.
    var refreshWithoutScript = false
    var navigation: [Item] = []
    var notice: Notice?
}
