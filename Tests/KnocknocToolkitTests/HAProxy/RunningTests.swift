import Foundation
import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite("what HAProxy and ss say")
struct RunningTests {
    /// As HAProxy 2.6 wrote it: web-1 drains by order, web-2 is down by its checks, web-3 drains by its own word.
    private static let states = """
        1
        # be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status
        4 knocknoc_pages 1 web-1 10.77.0.11 2 8 1 1 4 15 3 4 6 0 0 0 - 8756 - 0 0 - - 0
        4 knocknoc_pages 2 web-2 10.77.0.12 0 0 1 1 4 15 3 4 6 0 0 0 - 8756 - 0 0 - - 0
        4 knocknoc_pages 3 web-3 10.77.0.13 3 0 1 1 4 15 3 4 6 0 0 0 - 8756 - 0 0 - - 0


        """

    @Test("what outlives a restart is what somebody has decided, not what checks found")
    func drained() {
        let states = ServerStates(Self.states)
        #expect(states.names == ["web-1", "web-2", "web-3"])
        let kept = ServerStates(states.drained)
        #expect(kept.names == ["web-1"] && kept.text.hasPrefix("1\n# be_id"))
    }

    @Test("a node's status is read by the columns' names, commas in quotes and all")
    func statistics() {
        let text = """
            # pxname,svname,qcur,status,check_status,check_desc,
            knocknoc,FRONTEND,,OPEN,,,
            knocknoc_pages,web-1,0,UP,* L7OK,"Layer7 check passed, twice",
            knocknoc_pages,web-2,0,DOWN,L4CON,Layer4 connection problem,
            knocknoc_pages,BACKEND,0,UP,,,

            """
        #expect(
            NodeStatus.parse(text) == [
                NodeStatus(
                    backend: "knocknoc_pages", name: "web-1", status: "UP", check: "L7OK",
                    detail: "Layer7 check passed, twice"),
                NodeStatus(
                    backend: "knocknoc_pages", name: "web-2", status: "DOWN", check: "L4CON",
                    detail: "Layer4 connection problem"),
            ])
        #expect(NodeStatus.parse("Unknown command\n").isEmpty)
    }

    @Test("who holds a port is named, and only where it keeps us out")
    func holders() throws {
        let text = """
            LISTEN 0      4096         0.0.0.0:443       0.0.0.0:*    users:(("nginx",pid=7,fd=6),("nginx",pid=6,fd=6))
            LISTEN 0      4096               *:443             *:*    users:(("knocknoc",pid=9,fd=12))
            LISTEN 0      128            [::1]:443          [::]:*

            """
        let holders = PortHolder.parse(text)
        #expect(holders.map(\.program) == ["nginx", "knocknoc", "another program"])
        #expect(holders.map(\.place) == ["0.0.0.0:443", "*:443", "[::1]:443"])
        let (four, six) = (try #require(IPAddress("192.0.2.1")), try #require(IPAddress("2001:db8::1")))
        #expect(PortHolder.conflicts("0.0.0.0:443", FrontAddress(four, port: 443)))
        #expect(!PortHolder.conflicts("0.0.0.0:443", FrontAddress(six, port: 443)))
        #expect(PortHolder.conflicts("*:443", FrontAddress(six, port: 443)))
        #expect(!PortHolder.conflicts("192.0.2.2:443", FrontAddress(four, port: 443)))
        #expect(PortHolder.conflicts("192.0.2.2:443", FrontAddress(.v4(0), port: 443)))
        #expect(PortHolder.conflicts("127.0.0.53%lo:443", FrontAddress(.v4(0), port: 443)))
    }

    @Test(
        "an address of another machine is refused before HAProxy is asked", .enabled(if: geteuid() == 0, "needs root"))
    func foreignAddress() async throws {
        let root = FileManager.default.temporaryDirectory.path + "/knocknoc-bind-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let layout = HAProxyLayout(root: root)
        var change = LoadBalancerChange()
        change.nodes = [try NamedEndpoint(parsing: "web-1=127.0.0.1:1")]
        change.binds = try FrontAddress.parse("192.0.2.200:8443", hasIPv6: false)
        let balancer = LoadBalancer(layout: layout, console: Recorder())
        let made = change
        let error = await #expect(throws: SystemError.self) { try await balancer.install(made, begins: true) }
        #expect(error?.code == .invalid, "\(String(describing: error))")
        #expect(error?.message.contains("192.0.2.200 is no address of this machine") == true)
        #expect(!SystemFile(layout.configuration).exists)
    }
}
