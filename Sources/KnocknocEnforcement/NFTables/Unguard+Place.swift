import KnocknocModel

extension Unguard {
    /// Which file the guards are taken out of, too.
    public enum Place: Hashable, Sendable {
        /// This one, as it was given; nil for none.
        case given(String?)
        /// The one that the agent which made the guards writes; where that is not known, this one.
        case remembered(otherwise: String?)

        /// Found once: what is asked about the file is asked where it is written, too.
        func file(_ listing: TableListing?) -> SkeletonFile? {
            switch self {
            case .given(let path): return path.map(SkeletonFile.init)
            case .remembered(let standard):
                switch listing?.bootFile {
                case nil: return standard.map(SkeletonFile.init)
                case .some(.none): return nil
                case .some(.path(let path)):
                    // Whoever may change the packet filter wrote the name: no other file than ours is overwritten by it.
                    let named = SkeletonFile(path)
                    return named.isOurs ? named : standard.map(SkeletonFile.init)
                }
            }
        }
    }

    /// Says what is true in the kernel although the file could not be written.
    static func unsaved(
        _ removed: [Removed], _ path: String, _ error: EnforcementError
    ) -> EnforcementError {
        let open = removed.map { "\($0.protocol.rawValue) \($0.ports.map(String.init).joined(separator: ", "))" }
        let now =
            open.isEmpty
            ? "guards that were taken away by hand may apply again now"
            : "open to everybody now: \(open.joined(separator: "; "))"
        let boot =
            open.isEmpty
            ? "the next boot may still leave them away"
            : "a file for the next boot that names them closes them again then"
        return EnforcementError(
            error.code,
            "\(now); but the boot file \(path) could not be written (\(error.message)): \(boot); "
                + "give --guard-file PATH, as the agent has it")
    }
}
