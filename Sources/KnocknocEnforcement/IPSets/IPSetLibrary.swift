import CIPSet
import KnocknocModel
import NIOConcurrencyHelpers

/// libipset in this process; its socket belongs to the network namespace of the thread that uses it first.
final class IPSetLibrary {
    private let session: OpaquePointer

    /// The library keeps the types of sets, by name alone, in static memory.
    private static let lock = NIOLock()
    private static let types: Void = ipset_load_types()

    enum Verb { case add, delete }

    struct Item {
        var address: IPAddress
        /// Until it leaves, in seconds; 0 would be for ever.
        var seconds: UInt32 = 0
        var comment: String?
    }

    init() throws(EnforcementError) {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        _ = Self.types
        guard let session = knocknoc_ipset_session() else {
            throw EnforcementError(.unavailable, "libipset could not be started")
        }
        self.session = session
    }

    deinit {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        ipset_session_fini(session)
    }

    /// Adds elements to a set or deletes them, many with each message; one that fails does not stop the others.
    ///
    /// - Parameter replacing: whether one that is there already gets the new timeout, or is an error
    ///   (``EnforcementError/Code/exists``). Deleting one that is not there is none.
    /// - Returns: the errors by position.
    func change(
        _ verb: Verb, _ set: IPSet, _ items: [Item], replacing: Bool = true
    ) -> [Int: EnforcementError] {
        guard !items.isEmpty else { return [:] }
        Self.lock.lock()
        defer { Self.lock.unlock() }
        begin(replacing: replacing)
        let isDone = items.indices.allSatisfy { send(verb, set, items[$0], line: UInt32($0) + 1) == nil }
        if isDone, ipset_commit(session) == 0 { return [:] }
        // The kernel did those before the one that failed; all are safe to repeat.
        begin(replacing: replacing)
        var failures: [Int: EnforcementError] = [:]
        for (index, item) in items.enumerated() {
            guard let error = send(verb, set, item, line: 0) else { continue }
            failures[index] = error
            guard error.code == .missing || error.code == .full, !replacing || error.code == .missing else { continue }
            // What follows is new, too, and each would make the kernel look through the whole set.
            for later in items.indices.dropFirst(index + 1) { failures[later] = error }
            break
        }
        return failures
    }

    /// Makes a set as its ``IPSet/creation`` says; one that is there already is left as it is.
    func create(_ set: IPSet) throws(EnforcementError) {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        begin(replacing: false)
        put(IPSET_SETNAME, set.name)
        put(IPSET_OPT_TYPENAME, set.type)
        put(IPSET_OPT_FAMILY, [set.addresses.netfilter])
        guard ipset_type_get(session, IPSET_CMD_CREATE) != nil else { throw failure() }
        put(IPSET_OPT_TIMEOUT, IPSet.defaultTimeout)
        put(IPSET_OPT_MAXELEM, IPSet.room)
        put(IPSET_OPT_CREATE_COMMENT, UInt32(1))
        guard ipset_cmd(session, IPSET_CMD_CREATE, 0) == 0 else {
            let error = failure()
            if error.code == .exists { return }
            throw error
        }
    }

    private func begin(replacing: Bool) {
        // Another one of that name may be there by now, or in another namespace.
        ipset_cache_del(nil)
        ipset_session_report_reset(session)
        if replacing {
            ipset_envopt_set(session, IPSET_ENV_EXIST)
        } else {
            ipset_envopt_unset(session, IPSET_ENV_EXIST)
        }
    }

    /// - Parameter line: its number among those that go together; 0 sends it by itself.
    private func send(_ verb: Verb, _ set: IPSet, _ item: Item, line: UInt32) -> EnforcementError? {
        let command = verb == .add ? IPSET_CMD_ADD : IPSET_CMD_DEL
        put(IPSET_SETNAME, set.name)
        guard ipset_type_get(session, command) != nil else { return failure() }
        put(IPSET_OPT_FAMILY, [set.addresses.netfilter])
        put(IPSET_OPT_IP, item.address.bytes)
        if let prefix = set.prefix { put(IPSET_OPT_CIDR, [UInt8(prefix)]) }
        if verb == .add {
            put(IPSET_OPT_TIMEOUT, item.seconds)
            if let comment = item.comment { put(IPSET_OPT_ADT_COMMENT, comment) }
        }
        return ipset_cmd(session, command, line) == 0 ? nil : failure()
    }

    private func put(_ option: ipset_opt, _ text: String) { ipset_data_set(ipset_session_data(session), option, text) }

    private func put(_ option: ipset_opt, _ bytes: [UInt8]) {
        ipset_data_set(ipset_session_data(session), option, bytes)
    }

    private func put(_ option: ipset_opt, _ number: UInt32) {
        withUnsafePointer(to: number) { _ = ipset_data_set(ipset_session_data(session), option, $0) }
    }

    /// The library's report, which is then empty.
    private func failure() -> EnforcementError {
        let report = ipset_session_report_msg(session).map { String(cString: $0) } ?? ""
        ipset_session_report_reset(session)
        ipset_data_reset(ipset_session_data(session))
        return Self.error(report)
    }

    /// The library tells errors apart in words only.
    static func error(_ report: String) -> EnforcementError {
        var text = String(report.split(separator: "\n").first ?? "ipset refused")
        if text.hasPrefix("Error in line "), let end = text.firstIndex(of: ":") {
            text = String(text[text.index(after: end)...].drop { $0 == " " })
        }
        let code: EnforcementError.Code =
            if text.hasPrefix("The set with the given name does not exist") {
                .missing
            } else if text.hasSuffix("already added") || text.hasSuffix("set with the same name already exists") {
                .exists
            } else if text.hasPrefix("Hash is full") {
                .full
            } else {
                .kernel
            }
        return EnforcementError(code, text)
    }
}
