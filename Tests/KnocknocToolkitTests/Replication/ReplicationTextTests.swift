import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite("words and lines of replication")
struct ReplicationTextTests {
    @Test("a replication string comes back as it was, also with line breaks that a terminal put in")
    func string() throws {
        let string = ReplicationString(
            host: "10.0.0.1", port: 5433, login: "l", password: "p'\\ä", slot: "s", database: "d b")
        let text = try string.text
        #expect(text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
        #expect(try ReplicationString(String(text.prefix(30)) + "\n " + text.dropFirst(30)) == string)
        #expect(!string.connection().contains("p'"), "the password goes by the environment")
        for wrong in ["", "postgres://a:b@c/d", "knocknoc-replica-1.", String(text.dropLast(9))] {
            let error = #expect(throws: SystemError.self) { try ReplicationString(wrong) }
            #expect(wrong.count < 20 || error?.message.contains(wrong) == false)
        }
    }

    @Test("a keyword/value string is taken apart as libpq does")
    func words() {
        let words = Promotion.words("host='10.0.0.1' port=5432  password='a\\'b\\\\c d' user = x")
        #expect(words == ["host": "10.0.0.1", "port": "5432", "password": "a'b\\c d", "user": "x"])
    }

    @Test("new hosts leave login, password, database and parameters as they are")
    func hosts() throws {
        let new = "10.0.0.1:5432,[fd00::2]:5433"
        #expect(
            try DatabaseHosts.replace(in: "postgres://u:p%40@old:1/db?sslmode=require&knocknoc_key=K", by: new)
                == "postgres://u:p%40@\(new)/db?sslmode=require&knocknoc_key=K")
        #expect(try DatabaseHosts.replace(in: "postgres://old/db", by: "a:1") == "postgres://a:1/db")
        for wrong in ["", "a,,b", "a/b", "u@a", "a:x", "a b"] {
            #expect(throws: SystemError.self, "\(wrong)") {
                try DatabaseHosts.replace(in: "postgres://u:p@old:1/db", by: wrong)
            }
        }
    }

    @Test("a line about replication is ours and no database's")
    func hba() throws {
        let network = try CIDR(parsing: "10.0.0.2/32")
        let entry = HbaEntry(replicationBy: Replica.role, network: network)
        #expect(entry.line == "hostssl replication +knocknoc_replicas 10.0.0.2/32 scram-sha-256")
        let line = try #require(HbaText(Array(entry.line.utf8), continues: true).lines.first)
        #expect(HbaEntry(line) == entry)
        let named = HbaEntry(database: "replication", role: Replica.role, network: network)
        #expect(named.line.contains("\"replication\"") && named != entry)
        var document = try HbaDocument(Array("local all all peer\n".utf8), continues: true)
        document.add(entry)
        let read = try HbaDocument(document.bytes, continues: true)
        #expect(read.entries(of: "replication").isEmpty && read.contents == [.entry(entry)])
    }
}
