import Testing

@testable import KnocknocServer

@Suite("The audit's page")
struct AuditTableTests {
    @Test("what has an id and a name is told by the name and the id's end, and by the id where no name is known")
    func names() {
        #expect(
            AuditTable.details([
                "reason": "click", "user": "01976d2e-5a1b-7c3d-8e4f-0123456789ab", "user_name": "alice",
                "knoc": "01976d2e-5a1b-7c3d-8e4f-0123aaaabbbb", "knoc_name": "Wiki",
            ])
                == "knoc: Wiki (…aaaabbbb), reason: click, user: alice (…456789ab)")
        #expect(AuditTable.details(["user": "0197", "host_name": "x"]) == "host_name: x, user: 0197")
        #expect(AuditTable.details([:]) == nil)
    }
}
