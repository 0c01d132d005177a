/// Work in steps that leaves no half of it behind: where one fails, or a signal stops it, those before it are undone, the
/// last first.
public struct Undoing: ~Copyable {
    private var undone: [(title: String, body: @Sendable () async throws -> Void)] = []
    private let console: any Console

    private init(_ console: any Console) { self.console = console }

    /// Runs `body`; where it throws, undoes what it has registered and throws on.
    ///
    /// - Throws: what `body` has thrown; ``SystemError`` `interrupted` where a signal was the reason.
    public static func run<Result>(
        _ console: any Console, _ body: (inout Undoing) async throws -> Result
    ) async throws -> Result {
        try await Interruption.guarded {
            var undoing = Undoing(console)
            do { return try await body(&undoing) } catch {
                // A program that was told to stop complains in words of its own.
                let reason = Interruption.pending
                await undoing.undo()
                guard let reason else { throw error }
                throw SystemError(reason.code, "\(reason.message); what was begun is undone")
            }
        }
    }

    /// Does one step; between two of them is a safe point.
    ///
    /// - Parameters:
    ///   - title: what is being done, as in "Restarting PostgreSQL 15/main".
    ///   - undo: puts back what the step has changed, also where it was done in part only.
    public mutating func step<Result>(
        _ title: String, _ body: () async throws -> Result, undo: (@Sendable () async throws -> Void)? = nil
    ) async throws -> Result {
        try Interruption.check()
        console.note(title)
        if let undo { undone.append((title, undo)) }
        return try await body()
    }

    private consuming func undo() async {
        let (steps, console) = (undone, console)
        await Interruption.held {
            for step in steps.reversed() {
                console.note("Undoing: \(step.title)")
                do { try await step.body() } catch {
                    console.note("  that failed: \(error). Put it back by hand.")
                }
            }
        }
    }
}
