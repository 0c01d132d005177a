import Foundation
import Glibc
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite("parts of setting up")
struct SetupPartsTests {
    @Test("the cluster on 5432 is used, else the newest; a standby is none to write to")
    func clusters() {
        let listed = LocalPostgres.parse(
            """
            13  old     5433 online          postgres /var/lib/postgresql/13/old   /var/log/a.log
            15  main    5432 online,recovery postgres /var/lib/postgresql/15/main  /var/log/b.log
            9.6 older   5434 online          postgres /var/lib/postgresql/9.6/older /var/log/c.log
            17  new     5435 down            postgres /var/lib/postgresql/17/new   /var/log/d.log
            """)
        #expect(listed.map(\.name) == ["old", "main", "older", "new"])
        #expect(listed.map(\.isOnline) == [true, false, true, false])
        #expect(LocalPostgres.choose(listed)?.name == "main")
        #expect(LocalPostgres.choose(listed.filter(\.isOnline))?.name == "old")
        #expect(LocalPostgres.choose([]) == nil)
        #expect(
            listed.prefix(2).map { LocalPostgres(cluster: $0).url } == [
                "postgres:///knocknoc?host=/var/run/postgresql&port=5433",
                "postgres:///knocknoc?host=/var/run/postgresql",
            ])
    }

    @Test("a port that is taken and an address that is not ours are said")
    func listening() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var (storage, length) = OwnAddresses.socketAddress(.v4(0x7f00_0001), port: 0)
        let port = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length)
                listen(descriptor, 1)
                getsockname(descriptor, address, &length)
                return Int(UInt16(bigEndian: UnsafeRawPointer(address).load(fromByteOffset: 2, as: UInt16.self)))
            }
        }
        // Both are said: what was asked for, and what is in its way.
        for asked in ["127.0.0.1", "0.0.0.0"] + (ThisMachine.hasIPv6 ? ["::"] : []) {
            let listen = ListenAddress(host: asked, port: port)
            let taken = await ListenCheck.obstacle(listen) ?? ""
            #expect(taken.hasPrefix("\(listen) is taken: "), "\(taken)")
            #expect(taken.contains(" listens on 127.0.0.1:\(port); "), "\(taken)")
        }
        let foreign = await ListenCheck.obstacle(ListenAddress(host: "192.0.2.200", port: 8756))
        #expect(foreign?.contains("192.0.2.200 is no address of this machine") == true)
        let nameless = await ListenCheck.obstacle(ListenAddress(host: "no.such.invalid", port: 1))
        #expect(nameless?.contains("no.such") == true)
        #expect(ListenCheck.obstacle(of: .v4(0x7f00_0001)) == nil && ListenCheck.obstacle(of: .v4(0)) == nil)
        #expect(
            ListenCheck.obstacle(of: .v4(0xc000_02c8))?.contains("192.0.2.200 is no address of this machine") == true)
        #expect(await ListenCheck.obstacle(ListenAddress(host: "127.0.0.1", port: 0)) == nil)
    }

    @Test(
        "the address that the server saw is read in any language",
        arguments: [
            ("no pg_hba.conf entry for host \"10.64.11.2\", user \"k\", no encryption", "10.64.11.2"),
            ("kein pg_hba.conf-Eintrag für Host »2001:db8::7«, Benutzer »k«", "2001:db8::7"),
            ("db:5432: no pg_hba.conf entry for host \"127.0.0.1\", user \"k\"", nil),
            (
                "connection to server at \"192.0.2.1\", port 5432 failed: FATAL: no pg_hba.conf entry for host \"192.0.2.9\"",
                "192.0.2.9"
            ),
        ] as [(String, String?)])
    func ownAddress(_ reason: String, _ expected: String?) {
        #expect(DatabaseRefusal(.notListed, reason).ownAddress?.description == expected)
    }

    @Test("a key's file is for root alone, keeps what it holds, and may say that there is no key")
    func keyFile() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/knocknoc-key-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let layout = InstallLayout(root: folder)
        try SystemFolder.make(SystemFolder.parent(of: layout.encryptionKey), mode: 0o755)
        let file = KeyFile(layout)
        #expect(try file.key() == nil)
        let key = EncryptionKey()
        try file.write(key)
        #expect(try file.key() == key)
        #expect(try file.file.attributes()?.mode == 0o600 && !file.file.backup.exists)
        try file.write(nil)
        #expect(try file.key() == nil && file.file.exists)
        try file.file.replace(with: "s3cret\n", keepingBackup: false)
        let error = #expect(throws: SystemError.self) { try file.key() }
        #expect(error?.code == .invalid && error?.message.contains("s3cret") == false)
    }
}
