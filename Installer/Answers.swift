import KnocknocModel
import KnocknocStore
import KnocknocToolkit

/// What is known so far.
public struct Answers: Sendable {
    /// Where the database is.
    enum Source: Hashable, Sendable {
        case local, new, existing, embedded
        /// What the configuration has.
        case unchanged
    }

    enum Certificate: Hashable, Sendable {
        /// The server makes one, for these names.
        case selfSigned(names: [String])
        /// Files of the site's own.
        case files(certificate: String, key: String)
        /// Plain HTTP.
        case none
    }

    var listen: ListenAddress?
    /// As it stands in the configuration: networks, or `none`.
    var forwarders: String?
    var source: Source?
    var url: DatabaseURL?
    var facts: SiteFacts?
    var key = SetupPlan.Key.keepOrMake
    /// Whether the site's data key is wrapped with a key that nobody has given yet.
    var isKeyWanted = false
    /// nil: what the configuration has, or nothing.
    var certificate: Certificate?
    /// nil: what the configuration has, or nothing.
    var publicURL: String?
    var isConfirmed = false

    /// Settled, by whatever way.
    var answered: Set<Question.ID> = []
    /// Where what a flag said was refused, and somebody is asked instead.
    var refused: Set<Question.ID> = []
}
