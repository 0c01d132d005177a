import CLinux

/// The right to change this machine's packet filter, which the internet-facing process gives up.
enum NetworkAdministration {
    private static let number: Int32 = 12

    static var isHeld: Bool { knocknoc_capabilities() & 1 << UInt64(number) != 0 }

    /// Capabilities belong to threads, so this is called before there is a second one.
    ///
    /// - Returns: whether it is gone.
    static func drop() -> Bool { knocknoc_drop_capability(number) == 0 && !isHeld }
}
