import KnocknocHAProxy
import KnocknocModel
import KnocknocSystem

extension ReverseProxy {
    /// Takes a door, or all of our part, out of HAProxy. What stood behind it is reached through HAProxy no more.
    ///
    /// - Parameters:
    ///   - name: of the door; nil takes all.
    ///   - rehearses: says what would be changed, and changes nothing.
    /// - Throws: ``SystemError``, with everything as it was.
    public func disable(_ name: String?, rehearses: Bool) async throws {
        if !rehearses { try Superuser.require("changes HAProxy's configuration") }
        try await SystemFile(layout.configuration).locked {
            var draft = try file()
            guard let record = draft.text.record else {
                return console.tell(
                    "\(layout.configuration) has no reverse proxy of ours; there is nothing to take away")
            }
            let part = try without(name, draft.text, record)
            draft.put(part: part)
            console.note(draft.diff)
            if !rehearses { try await put(draft, keepsPart: part != nil) }
        }
    }

    /// What is left of our part; nil for nothing.
    ///
    /// - Throws: ``SystemError`` `missing` where there is no such door.
    private func without(
        _ name: String?, _ text: HAProxyText, _ record: (lines: [String], first: Int)
    ) throws(SystemError) -> String? {
        guard let name else { return nil }
        var plan = try ReverseProxyPlan(record: record.lines, first: record.first, path: layout.configuration)
        guard plan.doors.contains(where: { $0.name == name }) else {
            let known = plan.doors.map(\.name).joined(separator: ", ")
            throw SystemError(.missing, "there is no door \"\(name)\"; expected one of \(known)")
        }
        plan.doors.removeAll { $0.name == name }
        return plan.doors.isEmpty ? nil : part(plan, text).text
    }

    private func put(_ draft: HAProxyDraft, keepsPart: Bool) async throws {
        let takeover = try await HAProxyTakeover(of: draft, by: service, console)
        try await Undoing.run(console) { steps in
            try await takeover.begin(&steps)
            let serves = try await HAProxyCheck.serves(draft.bytes, as: draft.path, console)
            try await takeover.write(&steps)
            guard takeover.running == .yes else { return }
            if serves, keepsPart {
                try await takeover.finish(&steps)
            } else {
                try await takeover.leave(serves: serves, &steps)
            }
        }
        console.tell("Taken away. A Knoc that names one of its lists opens nothing any more.")
    }
}
