import KnocknocStore
import Testing

@testable import KnocknocToolkit

/// A pooler refuses with words of its own and no SQLSTATE that tells.
@Suite("a pooler's refusals") struct PoolerWordsTests {
    @Test(
        "they are told apart, and the way out is named",
        arguments: [
            ("FATAL: SSL required", DatabaseRefusal.Kind.plainRefused, "sslmode=require"),
            ("FATAL: no such database: knocknok", .noSuchDatabase, "after the last /"),
            ("FATAL: no such user: knocknok", .wrongPassword, "check login and password"),
            ("FATAL: SASL authentication failed", .wrongPassword, "check login and password"),
            ("FATAL: no more connections allowed (max_client_conn)", .tooManyConnections, "max_connections"),
            (
                "channel binding is required, but server did not offer an authentication method that supports channel "
                    + "binding", .noBinding, "take channel_binding out"
            ),
        ])
    func words(_ words: String, _ kind: DatabaseRefusal.Kind, _ remedy: String) {
        let error = StoreError(.unavailable, "the database cannot be reached: db:6432: \(words)", sqlState: "08P01")
        #expect(DatabaseRefusal.Kind(error) == kind)
        let way = DatabaseRefusal(DatabaseRefusal.Kind(error), words).remedy(isSite: false, own: nil)
        #expect(way.contains(remedy), "\(way)")
    }
}
