import Glibc

/// What an administrator sees of this machine.
struct HostFacts {
    let name: String
    let system: String

    init() {
        var facts = utsname()
        guard uname(&facts) == 0 else {
            name = "?"
            system = "Linux"
            return
        }
        name = Self.text(facts.nodename)
        system = "\(Self.text(facts.sysname)) \(Self.text(facts.release)) \(Self.text(facts.machine))"
    }

    private static func text(_ field: some Any) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
