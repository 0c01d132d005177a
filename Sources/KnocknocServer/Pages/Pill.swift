import KnocknocModel

/// A state as colour, icon and word together; never colour alone.
struct Pill {
    var kind: String
    var icon: String
    var text: String
    var turning = false

    static func ok(_ text: String, icon: String = "open") -> Pill { Pill(kind: "ok", icon: icon, text: text) }
    static func wait(_ text: String) -> Pill { Pill(kind: "wait", icon: "wait", text: text, turning: true) }
    static func bad(_ text: String, icon: String = "failed") -> Pill { Pill(kind: "bad", icon: icon, text: text) }
    static func note(_ text: String, icon: String = "dry") -> Pill { Pill(kind: "note", icon: icon, text: text) }
    static func quiet(_ text: String, icon: String = "closed") -> Pill { Pill(kind: "", icon: icon, text: text) }
}
