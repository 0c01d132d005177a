/// A word that leads somewhere.
struct Link {
    var href: String
    var label: String
}
