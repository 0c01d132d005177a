import Testing

@testable import KnocknocServer

@Suite("The audit's page")
struct AuditTableTests {
    @Test("what has an id and a name is told by the name, and by the id where no name is known")
    func names() {
        #expect(
            AuditTable.details([
                "reason": "click", "user": "0197", "user_name": "alice", "knoc": "0198", "knoc_name": "Wiki",
            ])
                == "knoc: Wiki, reason: click, user: alice")
        #expect(AuditTable.details(["user": "0197", "host_name": "x"]) == "host_name: x, user: 0197")
        #expect(AuditTable.details([:]) == nil)
    }
}
