import KnocknocMoments

/// One way for a change to be cut short.
struct MomentCase: CustomStringConvertible {
    enum Operation: String, CaseIterable { case grant, revoke, expiry }

    /// Node A takes the person's requests, node B holds the agent's link.
    enum Victim: String, CaseIterable { case nodeA, nodeB, agent, database }

    /// In whose process a moment comes.
    enum Place { case requestNode, linkNode, agent }

    var moment: Moment
    var operation: Operation
    var victim: Victim

    var description: String { "\(operation), \(moment.rawValue), \(victim) killed" }

    /// All of them: a moment that is missing here is missing in the test.
    static let places: [Moment: Place] = [
        .received: .requestNode, .beforeCommit: .requestNode, .afterCommit: .requestNode,
        .hintSeen: .linkNode, .beforeFrame: .linkNode, .afterFrame: .linkNode,
        .frameTaken: .agent, .beforeKernel: .agent, .afterKernel: .agent, .beforeAcknowledgement: .agent,
        .afterAcknowledgement: .agent,
        .beforeRecord: .linkNode, .afterRecord: .linkNode,
    ]

    static var all: [MomentCase] {
        Moment.allCases.flatMap { moment in
            Operation.allCases.flatMap { operation in
                Victim.allCases.map { MomentCase(moment: moment, operation: operation, victim: $0) }
            }
        }
    }

    /// Every moment once with the process in which it comes as the victim, operations by turns; and every other victim.
    static var some: [MomentCase] {
        let own = Moment.allCases.enumerated().map { number, moment in
            let victim: Victim =
                switch places[moment] {
                case .requestNode: .nodeA
                case .linkNode: .nodeB
                default: .agent
                }
            return MomentCase(moment: moment, operation: Operation.allCases[number % 3], victim: victim)
        }
        return own + [
            MomentCase(moment: .beforeCommit, operation: .grant, victim: .database),
            MomentCase(moment: .afterCommit, operation: .revoke, victim: .database),
            MomentCase(moment: .beforeRecord, operation: .expiry, victim: .database),
            MomentCase(moment: .hintSeen, operation: .revoke, victim: .agent),
            MomentCase(moment: .beforeKernel, operation: .revoke, victim: .nodeB),
        ]
    }
}
