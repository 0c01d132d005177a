import CLinux
import Glibc

/// The right to change this machine's packet filter, which the internet-facing process gives up.
enum NetworkAdministration {
    private static let number: UInt64 = 12
    /// CAP_DAC_OVERRIDE and CAP_FOWNER for files that another user owns, CAP_NET_BIND_SERVICE for ports below 1024.
    private static let kept: UInt64 = 1 << 1 | 1 << 3 | 1 << 10

    static var isHeld: Bool { knocknoc_capabilities() & 1 << number != 0 }

    /// Whether this process runs as root, who owns enough files to get any right back.
    static var isRoot: Bool { geteuid() == 0 }

    /// Gives up every capability that a server does not need, over an exec, too. Capabilities belong to threads, so
    /// this is called before there is a second one, and after the process that keeps the agent was started.
    ///
    /// - Returns: whether it is gone.
    static func drop() -> Bool { knocknoc_keep_capabilities(kept) == 0 && !isHeld }
}
