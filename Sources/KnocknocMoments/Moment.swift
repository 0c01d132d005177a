#if DEBUG
    import Glibc
#endif

/// A moment on the way of a change, from a click to the kernel and back, in the order in which they come. A debug build
/// stops there where a test of faults asks it to; in a release build nothing looks (docs/decisions/0015).
public enum Moment: String, CaseIterable, Sendable {
    /// A web node knows what is to change: somebody clicked, or something has expired.
    case received
    case beforeCommit = "before-commit"
    case afterCommit = "after-commit"
    /// The node with the agent's link has heard of it.
    case hintSeen = "hint-seen"
    case beforeFrame = "before-frame"
    case afterFrame = "after-frame"
    /// The agent has read the frame.
    case frameTaken = "frame-taken"
    case beforeKernel = "before-kernel"
    case afterKernel = "after-kernel"
    case beforeAcknowledgement = "before-acknowledgement"
    case afterAcknowledgement = "after-acknowledgement"
    /// The node has the acknowledgement and writes it down.
    case beforeRecord = "before-record"
    case afterRecord = "after-record"

    #if DEBUG
        /// The folder in which a test names moments by files.
        private static let folder = getenv("TEST_KNOCKNOC_MOMENTS").map { String(cString: $0) }

        /// Stops the process where the folder has a file of this name; who sees it renamed kills it, or has it go on.
        public static func reach(_ moment: Moment) {
            guard let folder else { return }
            let path = "\(folder)/\(moment.rawValue)"
            guard rename(path, path + ".reached") == 0 else { return }
            // To this thread, which then takes no step more; one to the process may find another thread first.
            raise(SIGSTOP)
        }
    #else
        @inlinable
        public static func reach(_ moment: Moment) {}
    #endif
}
