public import KnocknocModel
public import KnocknocProtocol

// The surface that is not written yet.

private func unwritten() -> AccessError { AccessError(.busy, "not built yet") }

extension Access {
    // MARK: sessions
    public func signIn(user name: String, password: String, _ context: RequestContext) async throws -> SignIn {
        throw unwritten()
    }
    public func signIn(admin name: String, password: String, _ context: RequestContext) async throws -> SignIn {
        throw unwritten()
    }
    public func session(user token: String) async throws -> Session? { throw unwritten() }
    public func session(admin token: String) async throws -> Session? { throw unwritten() }
    public func signOut(_ session: Session, _ context: RequestContext) async throws { throw unwritten() }

    // MARK: portal
    /// Session and Knocs in one round trip.
    public func portal(token: String) async throws -> (session: Session, knocs: [KnocItem])? { throw unwritten() }
    public func knocs(of session: Session) async throws -> [KnocItem] { throw unwritten() }
    public func grant(_ knoc: KnocID, _ session: Session, _ context: RequestContext) async throws -> KnocItem {
        throw unwritten()
    }
    public func revoke(_ knoc: KnocID, _ session: Session, _ context: RequestContext) async throws -> KnocItem {
        throw unwritten()
    }
    public func settled(_ knoc: KnocID, _ session: Session, within: Duration) async throws -> KnocItem {
        throw unwritten()
    }
    public func updates(for session: Session) -> AsyncStream<KnocItem> { AsyncStream { $0.finish() } }

    // MARK: users
    public func listUsers(after: UserID? = nil, limit: Int = 100) async throws -> [UserRecord] { throw unwritten() }
    public func user(_ id: UserID) async throws -> UserRecord { throw unwritten() }
    public func createUser(_ draft: UserDraft, by: Actor, _ context: RequestContext) async throws -> UserRecord {
        throw unwritten()
    }
    public func updateUser(
        _ id: UserID, _ patch: UserPatch, version: Int64? = nil, by: Actor, _ context: RequestContext
    ) async throws -> UserRecord { throw unwritten() }
    public func deleteUser(_ id: UserID, version: Int64? = nil, by: Actor, _ context: RequestContext) async throws {
        throw unwritten()
    }

    // MARK: groups
    public func listGroups(after: GroupID? = nil, limit: Int = 100) async throws -> [GroupRecord] { throw unwritten() }
    public func group(_ id: GroupID) async throws -> GroupRecord { throw unwritten() }
    public func createGroup(_ draft: GroupDraft, by: Actor, _ context: RequestContext) async throws -> GroupRecord {
        throw unwritten()
    }
    public func updateGroup(
        _ id: GroupID, _ patch: GroupPatch, version: Int64? = nil, by: Actor, _ context: RequestContext
    ) async throws -> GroupRecord { throw unwritten() }
    public func deleteGroup(_ id: GroupID, version: Int64? = nil, by: Actor, _ context: RequestContext) async throws {
        throw unwritten()
    }

    // MARK: Knocs
    public func listKnocs(after: KnocID? = nil, limit: Int = 100) async throws -> [KnocRecord] { throw unwritten() }
    public func knoc(_ id: KnocID) async throws -> KnocRecord { throw unwritten() }
    public func createKnoc(_ draft: KnocDraft, by: Actor, _ context: RequestContext) async throws -> KnocRecord {
        throw unwritten()
    }
    public func updateKnoc(
        _ id: KnocID, _ patch: KnocPatch, version: Int64? = nil, by: Actor, _ context: RequestContext
    ) async throws -> KnocRecord { throw unwritten() }
    public func deleteKnoc(_ id: KnocID, version: Int64? = nil, by: Actor, _ context: RequestContext) async throws {
        throw unwritten()
    }

    // MARK: agents
    public func listAgents(after: AgentID? = nil, limit: Int = 100) async throws -> [AgentRecord] { throw unwritten() }
    public func agent(_ id: AgentID) async throws -> AgentRecord { throw unwritten() }
    /// The token is shown this once.
    public func createAgent(
        _ draft: AgentDraft, by: Actor, _ context: RequestContext
    ) async throws -> (agent: AgentRecord, token: String) { throw unwritten() }
    public func updateAgent(
        _ id: AgentID, _ patch: AgentPatch, version: Int64? = nil, by: Actor, _ context: RequestContext
    ) async throws -> AgentRecord { throw unwritten() }
    public func deleteAgent(_ id: AgentID, version: Int64? = nil, by: Actor, _ context: RequestContext) async throws {
        throw unwritten()
    }
    /// Makes the offered key the pinned one, where its fingerprint is the one given.
    public func approveKey(
        of id: AgentID, fingerprint: String, by: Actor, _ context: RequestContext
    ) async throws -> AgentRecord { throw unwritten() }
    /// The targets of an agent, those that no Knoc uses any more among them.
    public func targets(of agent: AgentID) async throws -> [TargetStatus] { throw unwritten() }

    // MARK: administrators
    public func listAdmins(after: AdminID? = nil, limit: Int = 100) async throws -> [AdminRecord] { throw unwritten() }
    public func admin(_ id: AdminID) async throws -> AdminRecord { throw unwritten() }
    public func createAdmin(_ draft: AdminDraft, by: Actor, _ context: RequestContext?) async throws -> AdminRecord {
        throw unwritten()
    }
    public func updateAdmin(
        _ id: AdminID, _ patch: AdminPatch, version: Int64? = nil, by: Actor, _ context: RequestContext
    ) async throws -> AdminRecord { throw unwritten() }
    /// The last enabled administrator cannot be deleted or disabled.
    public func deleteAdmin(_ id: AdminID, version: Int64? = nil, by: Actor, _ context: RequestContext) async throws {
        throw unwritten()
    }

    // MARK: what happens now, and what happened (newest first)
    public func listGrants(
        live: Bool = false, after: GrantID? = nil, limit: Int = 100
    ) async throws -> [GrantRecord] { throw unwritten() }
    public func endGrant(_ id: GrantID, by: Actor, _ context: RequestContext) async throws { throw unwritten() }
    public func listSessions(
        live: Bool = false, after: SessionID? = nil, limit: Int = 100
    ) async throws -> [SessionRecord] { throw unwritten() }
    public func endSession(_ id: SessionID, by: Actor, _ context: RequestContext) async throws { throw unwritten() }
    public func listAudit(after: AuditID? = nil, limit: Int = 100) async throws -> [AuditRecord] { throw unwritten() }
    public func dashboard() async throws -> Dashboard { throw unwritten() }
    /// Ends the trial of a guard that has taken effect.
    public func confirmGuard(_ target: TargetID, by: Actor, _ context: RequestContext) async throws {
        throw unwritten()
    }
    /// Takes a guard away that no Knoc uses any more; its ports open.
    public func unguard(_ target: TargetID, by: Actor, _ context: RequestContext) async throws { throw unwritten() }

    // MARK: agents' side
    /// The enabled agent with this token; nil where there is none.
    public func agent(token: String) async throws -> AgentID? { throw unwritten() }
    public func attach(agent: AgentID, hello: AgentMessage.Hello, node: String) async throws -> Attachment {
        throw unwritten()
    }
    public func stream(agent: AgentID, after: Position?) async throws -> StreamAnswer { throw unwritten() }
    public func record(agent: AgentID, linkEpoch: Int64, applied: [AgentMessage.Applied]) async throws {
        throw unwritten()
    }
    public func trial(agent: AgentID, linkEpoch: Int64, trial: AgentMessage.Trial) async throws { throw unwritten() }
    public func replay(agent: AgentID, removals: [Removal]) async throws { throw unwritten() }
    /// Agents that were deleted or disabled are left out: their links end.
    public func positions(of agents: [AgentID]) async throws -> [AgentID: Position] { throw unwritten() }
    public func presence(_ agents: [AgentID], node: String) async throws { throw unwritten() }
    public func detach(agent: AgentID, linkEpoch: Int64) async throws { throw unwritten() }

    // MARK: first steps
    /// A one-time token for the first administrator; nil when there is one.
    public func setUpLink() async throws -> String? { throw unwritten() }
    public func redeem(
        setUp token: String, name: String, password: String, _ context: RequestContext
    ) async throws -> SignIn { throw unwritten() }
    /// Sets the password of the administrator or user of that name and ends that principal's sessions.
    public func setPassword(_ name: String, _ password: String, of kind: PrincipalKind? = nil) async throws {
        throw unwritten()
    }
    /// The all-in-one's own agent, made where it is missing, with a new token in either case.
    public func embeddedAgent(named name: String) async throws -> (id: AgentID, token: String) { throw unwritten() }
    /// A user `demo`, a group and a Knoc, for a first look; what exists already stays.
    ///
    /// - Returns: the password of the user where it was made now, else nil.
    public func createSample(agent: AgentID, backend: Backend, url: String?) async throws -> String? {
        throw unwritten()
    }
}
