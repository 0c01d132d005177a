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
            let old = try SystemFile(layout.configuration).bytes()
            let text = try text(old)
            guard let old, let record = text.record else {
                return console.tell(
                    "\(layout.configuration) has no reverse proxy of ours; there is nothing to take away")
            }
            let bytes = try without(name, text, record)
            console.note(
                diff(String(decoding: old, as: UTF8.self), String(decoding: bytes, as: UTF8.self), layout.configuration)
            )
            if !rehearses { try await put(bytes, old) }
        }
    }

    /// - Throws: ``SystemError`` `missing` where there is no such door.
    private func without(
        _ name: String?, _ text: HAProxyText, _ record: (lines: [String], first: Int)
    ) throws(SystemError) -> [UInt8] {
        guard let name else { return text.with(part: nil) }
        var plan = try ReverseProxyPlan(record: record.lines, first: record.first, path: layout.configuration)
        guard plan.doors.contains(where: { $0.name == name }) else {
            let known = plan.doors.map(\.name).joined(separator: ", ")
            throw SystemError(.missing, "there is no door \"\(name)\"; expected one of \(known)")
        }
        plan.doors.removeAll { $0.name == name }
        return text.with(part: plan.doors.isEmpty ? nil : part(plan, text).text)
    }

    private func put(_ bytes: [UInt8], _ old: [UInt8]) async throws {
        let (file, service) = (SystemFile(layout.configuration), service)
        let running = try await service.state()
        let hasPart = try text(bytes).part != nil
        let reloaded = StepFlag()
        try await Undoing.run(console) { steps in
            try await steps.step("checking \(file.path) as it will be") {
            } undo: {
                if reloaded.isSet { try await service.reload() }
            }
            let serves = try await HAProxyCheck.serves(bytes, as: file.path, console)
            try await steps.step("writing \(file.path); the one before is kept as \(file.backup.path)") {
                try file.replace(with: bytes, expecting: old)
            } undo: {
                try file.replace(with: old, keepingBackup: false)
            }
            guard running == .yes else { return }
            if !serves {
                try await steps.step("stopping HAProxy, which has nothing left to serve") { try await service.stop() }
            } else if hasPart {
                try await apply(true, running, reloaded, &steps)
            } else {
                try await steps.step("having HAProxy read it") {
                    reloaded.set()
                    try await service.reload(isGone: true)
                }
            }
        }
        console.tell("Taken away. A Knoc that names one of its lists opens nothing any more.")
    }
}
