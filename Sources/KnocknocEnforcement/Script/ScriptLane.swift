import KnocknocModel

/// A list that a script keeps, by the script's path and the list's name: its calls come one after the other.
struct ScriptLane: Sendable {
    struct Key: Hashable, Sendable {
        var path: String
        var name: String

        init(_ command: ScriptCommand) { (path, name) = (command.path, command.name) }

        init(_ script: ScriptBackend) { (path, name) = (script.path, script.name) }
    }

    /// What a call has made of an address.
    enum Standing: Sendable {
        case added
        /// Nobody knows: a call failed, or an earlier run of the agent made it.
        case uncertain
    }

    var command: ScriptCommand
    /// To be done before anything is added: an earlier run of the agent may have left something.
    var flushes: [ScriptCommand]
    var flushFailure: String?
    var standing: [IPAddress: Standing] = [:]
    /// Whose each address is, or was: who hears of it when it cannot be taken away.
    var owners: [IPAddress: Set<TargetID>] = [:]
    /// Addresses that something is to be done about, or is being done.
    var pending: Set<IPAddress> = []
    var failures: [IPAddress: String] = [:]
    /// No target is left on it: it goes when it is flushed.
    var isLeaving = false
    var running: ScriptCall?
    /// Somebody was told something that is not true any more.
    var isNews = false
    /// Milliseconds until what has failed is tried again.
    var pause: Int64
    var retry: Task<Void, Never>?
    var isWorking = false

    init(_ command: ScriptCommand, pause: Int64) {
        self.command = command
        self.pause = pause
        flushes = [command]
    }

    /// Whether a flush is yet to be tried.
    var flushIsDue: Bool { !flushes.isEmpty && flushFailure == nil }

    func call(_ verb: ScriptCall.Verb) -> ScriptCall { ScriptCall(command: command, verb: verb) }

    /// Goes on with other secrets for the same list.
    mutating func take(_ other: ScriptCommand) {
        guard command != other else { return }
        flushes = flushes.map { $0.isSameList(as: other) ? other : $0 }
        command = other
        flushFailure = nil
        pending.formUnion(failures.keys)
    }

    /// The next call; what needs none is settled.
    mutating func next(_ wanted: [IPAddress: BootTime], now: BootTime) -> ScriptCall? {
        if flushFailure == nil, let first = flushes.first { return ScriptCall(command: first, verb: .flush) }
        let order = pending.sorted()
        // Whatever has to go goes first.
        for address in order where wanted[address] == nil {
            if standing[address] != nil { return call(.delete(address)) }
            settle(address)
        }
        for address in order where wanted[address] != nil {
            if let flushFailure {
                failures[address] = flushFailure
            } else if standing[address] != .added {
                return call(.add(address))
            }
            pending.remove(address)
        }
        return nil
    }

    /// Nothing is left to be done about an address that nobody wants.
    private mutating func settle(_ address: IPAddress) {
        pending.remove(address)
        failures[address] = nil
        owners[address] = nil
    }

    /// Takes in how a call ended.
    ///
    /// - Returns: whether it is to be tried again.
    mutating func finish(_ call: ScriptCall, _ reason: String?, _ wanted: [IPAddress: BootTime]) -> Bool {
        switch call.verb {
        case .flush:
            if let reason {
                flushFailure = reason
                return true
            }
            flushes.removeFirst()
            if flushes.isEmpty {
                for address in standing.keys where wanted[address] == nil { settle(address) }
                standing = [:]
                failures = [:]
                pending.formUnion(wanted.keys)
            }
        case .add(let address):
            standing[address] = reason == nil ? .added : .uncertain
            return note(address, reason, isDone: wanted[address] != nil)
        case .delete(let address):
            if reason == nil { standing[address] = nil }
            return note(address, reason, isDone: wanted[address] == nil)
        }
        return false
    }

    /// - Parameter isDone: whether what was called for is still what is wanted.
    private mutating func note(_ address: IPAddress, _ reason: String?, isDone: Bool) -> Bool {
        if reason == nil, failures[address] != nil { isNews = true }
        failures[address] = reason
        guard isDone else { return false }
        pending.remove(address)
        if reason == nil, standing[address] == nil { owners[address] = nil }
        return reason != nil
    }
}
