/// What the administrator of this host decides about scripts.
public struct ScriptOptions: Sendable {
    /// How long one call may take, in seconds; then it gets SIGTERM, and two seconds later SIGKILL.
    public var seconds: Int
    /// How long a caller waits for scripts before it is told that they are still running, in milliseconds.
    var patience: Int64 = 2000
    /// What has failed is tried again after this many milliseconds at first, and after a minute at last.
    var firstPause: Int64 = 1000
    /// Where the check of folders begins; those above are taken as they are.
    var trustedFolder: String?

    public init(seconds: Int = 10) { self.seconds = seconds }
}
