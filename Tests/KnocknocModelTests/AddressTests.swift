import Foundation
import KnocknocModel
import Testing

@Suite("addresses")
struct AddressTests {
    @Test(
        "text is read and written in its canonical form",
        arguments: [
            ("192.0.2.7", "192.0.2.7"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:c000:207", "192.0.2.7"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ])
    func canonical(_ text: String, _ expected: String) {
        #expect(IPAddress(text)?.description == expected)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/32", "1..3.4",
            "0x1.2.3.4", "1.2.3.-4", "+1.2.3.4", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::", "12345::", "g::", "::1%eth0", "[::1]", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "::+1",
            "1:", ":1", "١.2.3.4", "localhost", "::ffff:1.2.3.4.5", "1::-2",
        ])
    func refused(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("bytes go there and back")
    func bytes() throws {
        for text in ["192.0.2.7", "2001:db8::1", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            let address = try #require(IPAddress(text))
            #expect(IPAddress(bytes: address.bytes) == address)
            #expect(address.bytes.count == (address.family == .v4 ? 4 : 16))
        }
        #expect(IPAddress(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4])?.description == "1.2.3.4")
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test(
        "kinds of addresses",
        arguments: [
            ("127.0.0.1", "loopback"), ("127.255.255.254", "loopback"), ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("0.0.0.0", "unspecified"), ("::", "unspecified"), ("224.0.0.1", "multicast"),
            ("255.255.255.255", "multicast"),
            ("239.1.2.3", "multicast"), ("ff02::1", "multicast"), ("10.0.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"), ("100.64.0.1", "private"), ("100.127.0.1", "private"), ("fd00::1", "private"),
            ("169.254.1.1", "link-local"), ("fe80::1", "link-local"), ("febf::1", "link-local"), ("172.32.0.1", ""),
            ("100.128.0.1", ""), ("192.0.2.7", ""), ("2001:db8::1", ""), ("fec0::1", ""), ("223.255.255.255", ""),
            ("128.0.0.1", ""),
        ])
    func kinds(_ text: String, _ kind: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == (kind == "loopback"))
        #expect(address.isUnspecified == (kind == "unspecified"))
        #expect(address.isMulticast == (kind == "multicast"))
        #expect(address.isPrivate == (kind == "private"))
        #expect(address.isLinkLocal == (kind == "link-local"))
    }
}

@Suite("networks")
struct NetworkTests {
    @Test(
        "text is read and written",
        arguments: [
            ("192.0.2.0/24", "192.0.2.0/24"), ("192.0.2.7", "192.0.2.7/32"), ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"), ("::/0", "::/0"), ("::1", "::1/128"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ])
    func text(_ text: String, _ expected: String) throws {
        #expect(try CIDR(parsing: text).description == expected)
    }

    @Test(
        "what is no network is refused",
        arguments: [
            "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/a", "192.0.2.0/24/24", "2001:db8::/129", "/24", "",
            "192.0.2.0/+4", "::ffff:192.0.2.0/24",
        ])
    func refused(_ text: String) {
        #expect(throws: ModelError.self) { try CIDR(parsing: text) }
    }

    @Test("host bits are refused with the network that was meant")
    func hostBits() {
        let error = #expect(throws: ModelError.self) { try CIDR(parsing: "192.0.2.7/24") }
        #expect(error?.message.contains("192.0.2.0/24") == true)
    }

    @Test("a network contains its addresses and no others")
    func contains() throws {
        let network = try CIDR(parsing: "192.0.2.128/25")
        #expect(network.contains(try #require(IPAddress("192.0.2.128"))))
        #expect(network.contains(try #require(IPAddress("192.0.2.255"))))
        #expect(!network.contains(try #require(IPAddress("192.0.2.127"))))
        #expect(!network.contains(try #require(IPAddress("192.0.3.0"))))
        #expect(!network.contains(try #require(IPAddress("::"))))
        #expect(try CIDR(parsing: "::/0").contains(try #require(IPAddress("2001:db8::1"))))
        #expect(try !CIDR(parsing: "::/0").contains(try #require(IPAddress("1.2.3.4"))))
        #expect(try CIDR(parsing: "0.0.0.0/0").contains(CIDR(parsing: "10.0.0.0/8")))
        #expect(try !CIDR(parsing: "10.0.0.0/8").contains(CIDR(parsing: "0.0.0.0/0")))
        #expect(try CIDR(parsing: "10.0.0.0/8").overlaps(CIDR(parsing: "0.0.0.0/0")))
        #expect(try !CIDR(parsing: "10.0.0.0/8").overlaps(CIDR(parsing: "11.0.0.0/8")))
    }
}
