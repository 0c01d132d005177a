/// A browser's description of itself as people would say it; what is no known browser stays as it is, cut.
enum UserAgentText {
    // The order decides: most browsers also name those that they descend from.
    private static let browsers = [
        ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ]
    private static let systems = [
        ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]

    static func short(_ text: String) -> String {
        guard let browser = browsers.first(where: { text.contains($0.0) })?.1 else { return String(text.prefix(60)) }
        guard let system = systems.first(where: { text.contains($0.0) })?.1 else { return browser }
        return "\(browser) on \(system)"
    }
}
