import Glibc
import KnocknocHAProxy
import KnocknocModel
public import KnocknocSystem

/// HAProxy in front of what Knocknoc protects, on the agent's machine: whom nobody let in is sent to the portal.
///
/// All that it is made from stands in our part of haproxy.cfg; whatever changes that part shows the difference, has
/// HAProxy itself check the whole file before it takes effect, and puts everything back where it does not work out.
public struct ReverseProxy: Sendable {
    let layout: ReverseProxyLayout
    let console: any Console
    let service: HAProxyService

    public init(layout: ReverseProxyLayout, console: any Console) {
        self.layout = layout
        self.console = console
        service = HAProxyService(socket: layout.socket, root: layout.root)
    }

    /// What a change would make of the machine.
    struct Draft: Sendable {
        var file: HAProxyDraft
        var before: ReverseProxyPlan?
        var plan: ReverseProxyPlan
        var agent: AgentPlace
    }

    /// - Throws: ``SystemError`` `invalid` where the file or the change cannot be used, `missing` without an agent.
    func draft(_ change: ReverseProxyChange) throws(SystemError) -> Draft {
        var file = try file()
        let before = try file.text.record.map { (record) throws(SystemError) in
            try ReverseProxyPlan(record: record.lines, first: record.first, path: layout.configuration)
        }
        var agent = try AgentPlace(layout, ports: [])
        let standard = try FrontAddress.parse("*", hasIPv6: ThisMachine.hasIPv6)
        let plan = try change.applied(to: before, agent: agent, standard: standard)
        agent = try AgentPlace(layout, ports: plan.ports)
        file.put(part: part(plan, file.text).text)
        return Draft(file: file, before: before, plan: plan, agent: agent)
    }

    func file() throws(SystemError) -> HAProxyDraft {
        try HAProxyDraft(of: layout.configuration, marks: ReverseProxyPart.marks)
    }

    func part(_ plan: ReverseProxyPlan, _ text: HAProxyText) -> ReverseProxyPart {
        ReverseProxyPart(plan: plan, socket: layout.socket, hasHardStop: text.hasHardStop)
    }

    /// Prints the whole file as it would be; nothing is changed.
    public func print(_ change: ReverseProxyChange) throws(SystemError) {
        try draft(change).file.print(to: console)
    }

    /// Says what would be changed on this machine; nothing is.
    public func rehearse(_ change: ReverseProxyChange) async throws {
        let draft = try draft(change)
        if layout.root.isEmpty, try await DebianPackage.isInstalled(HAProxyService.package) == false {
            console.tell("would install the package \(HAProxyService.package)")
        }
        for path in try missing(draft.plan) { console.tell("would make the list \(path)") }
        if let text = draft.agent.text, let new = draft.agent.changed {
            console.tell(diff(text, new, layout.agentConfiguration))
        }
        console.tell(
            draft.file.changes
                ? draft.file.diff + "would have HAProxy check that, and read it"
                : "\(layout.configuration) is as it should be")
        draft.agent.notes.forEach(console.note)
    }

    /// Has HAProxy check the file as it would be, and says what is there.
    ///
    /// - Throws: ``SystemError`` `invalid` with HAProxy's words.
    public func check(_ change: ReverseProxyChange) async throws {
        try Superuser.require("reads HAProxy's certificates")
        let draft = try draft(change)
        // Lists that are still to be made must not be what is complained of.
        let folder = layout.configuration + ".knocknoc-lists"
        var plan = draft.plan
        if try missing(plan).isEmpty == false { plan.lists = folder }
        defer {
            for door in plan.doors where plan.lists == folder { unlink(plan.list(of: door.name)) }
            rmdir(folder)
        }
        if plan.lists == folder {
            try SystemFolder.make(folder, mode: 0o700)
            for path in lists(plan) { try SystemFile(path).replace(with: "", keepingBackup: false) }
        }
        try SystemFolder.make(layout.run, mode: 0o755)
        try await HAProxyCheck.verify(
            draft.file.text.with(part: part(plan, draft.file.text).text), as: layout.configuration, console)
        console.tell("\(layout.configuration): HAProxy accepts it\(draft.file.changes ? " with this change" : "")")
        if service.socket.worker == nil { console.tell("HAProxy does not answer at \(layout.socket)") }
        if !draft.file.changes { report(draft) }
    }

    func lists(_ plan: ReverseProxyPlan) -> [String] { plan.doors.map { plan.list(of: $0.name) } }

    /// The lists that are still to be made.
    ///
    /// - Throws: ``SystemError`` `invalid` where the agent's user, whose folder it is, has put a link in a list's place.
    func missing(_ plan: ReverseProxyPlan) throws(SystemError) -> [String] {
        var paths: [String] = []
        for path in lists(plan) where try SystemFile.unfollowed(path)?.attributes() == nil { paths.append(path) }
        return paths
    }

    func diff(_ old: String, _ new: String, _ name: String) -> String {
        LineDiff.unified(Redaction.of(old), Redaction.of(new), name: name)
    }

    /// What an administrator has to know of the reverse proxy as it is now.
    func report(_ draft: Draft) {
        let plan = draft.plan
        console.tell("Whoever is not let in is sent to \(plan.portal)/")
        for door in plan.doors {
            let list = plan.list(of: door.name)
            let flows = plan.ports.map(String.init).joined(separator: ", ")
            console.tell("\(door.name): \(door.domains.map { "\(plan.origin(of: $0))/" }.joined(separator: " "))")
            console.tell("  what is closed: \(Self.closed(door))")
            console.tell("  its Knoc has the first of these as address, and on this agent the backend")
            console.tell(
                "  {\"type\":\"haproxy\",\"haproxy\":{\"socket\":\"\(layout.socket)\",\"map\":\"\(list)\"},"
                    + "\"protocol\":\"tcp\",\"ports\":[\(flows)]}")
        }
        draft.agent.notes.forEach(console.note)
    }

    private static func closed(_ door: Door) -> String {
        let methods = door.gatedMethods.isEmpty ? "" : door.gatedMethods.joined(separator: ", ") + " of "
        let paths = door.gatedPaths.isEmpty ? "everything" : door.gatedPaths.map(\.description).joined(separator: ", ")
        let passed = door.passedPaths.map(\.description).joined(separator: ", ")
        return methods + paths + (passed.isEmpty ? "" : " but \(passed)")
    }
}
