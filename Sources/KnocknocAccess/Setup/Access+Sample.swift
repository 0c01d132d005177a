public import KnocknocModel
import KnocknocStore

extension Access {
    /// A user `demo`, a group and a Knoc, for a first look; what exists already stays.
    ///
    /// - Returns: the password of the user where it was made now, else nil.
    public func createSample(agent: AgentID, backend: Backend, url: String?) async throws -> String? {
        let context = RequestContext(client: .refused(nil, reason: "sample"), requestID: "sample")
        guard try await database.run(UserTable.credentials(key: "demo")).isEmpty else { return nil }
        let group: GroupID
        if let known = try await listGroups(limit: 1000).first(where: { $0.name == "demo" }) {
            group = known.id
        } else {
            group = try await createGroup(GroupDraft(name: "demo"), by: .system, context).id
        }
        let knocs = try await listKnocs(limit: 1000)
        if !knocs.contains(where: { $0.name == "Demo" }) {
            _ = try await createKnoc(
                KnocDraft(
                    name: "Demo", url: url, groupIDs: [group], grantOn: .click, durationSeconds: 3600,
                    enforcement: [EnforcementSpec(agentID: agent, backend: backend)]), by: .system, context)
        }
        let password = String(Secret.new().prefix(16))
        _ = try await createUser(
            UserDraft(name: "demo", password: password, displayName: "Demo", groupIDs: [group]), by: .system, context)
        return password
    }
}
