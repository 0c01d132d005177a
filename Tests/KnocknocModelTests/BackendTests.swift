import Foundation
import KnocknocModel
import Testing

@Suite("backends")
struct BackendTests {
    private func decode(_ json: String) throws -> Backend {
        try JSONDecoder().decode(Backend.self, from: Data(json.utf8)).validated()
    }

    @Test(
        "the contract's JSON is read and comes back",
        arguments: [
            #"{"type":"dry-run"}"#,
            #"{"type":"nftables","set":{"family":"inet","table":"filter","ipv4":"a","ipv6":"b"}}"#,
            #"{"type":"nftables","set":{"family":"ip","table":"filter","ipv4":"a"},"protocol":"tcp","ports":[22,80]}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[9000]}}"#,
            #"""
            {"type":"nftables","guard":{"protocol":"udp","ports":[1,2],"forward":true,"destinations":["10.0.0.0/8"],
            "interfaces":["eth0"],"loopback":true,"trial_seconds":0}}
            """#,
            #"{"type":"ipset","ipset":{"ipv4":"knoc4"}}"#,
            #"{"type":"ipset","ipset":{"ipv4":"a","ipv6":"b","block_ipv4":"c","block_ipv6":"d"},"protocol":"tcp","ports":[22]}"#,
            #"{"type":"haproxy","haproxy":{"socket":"/run/h.sock","map":"/etc/h.map"}}"#,
            ##"{"type":"haproxy","haproxy":{"socket":"/run/h.sock","acl":"#101","file":"/etc/h.acl"},"protocol":"tcp","ports":[443]}"##,
            #"{"type":"script","script":{"path":"/opt/x/open"}}"#,
            #"{"type":"script","script":{"path":"/opt/x/open","name":"vpn","environment":{"A":"b c"},"sealed":{"KEY":"Zm9v"}}}"#,
            #"{"type":"allow_list"}"#, #"{"type":"allow_list","allow_list":{},"protocol":"udp","ports":[500]}"#,
        ])
    func contract(_ json: String) throws {
        let backend = try decode(json)
        let again = try JSONDecoder().decode(Backend.self, from: JSONEncoder().encode(backend))
        #expect(again == backend)
        #expect(again.targetKey == backend.targetKey)
    }

    @Test(
        "what cannot be is refused",
        arguments: [
            #"{"type":"iptables"}"#, #"{"type":"nftables"}"#, #"{}"#, #"{"type":"dry-run","x":1}"#,
            #"{"type":"nftables","set":{"family":"inet","table":"filter"}}"#,
            #"{"type":"nftables","set":{"family":"inet","table":"filter; flush ruleset","ipv4":"a"}}"#,
            #"{"type":"nftables","set":{"family":"inet","table":"filter","ipv4":"drop"}}"#,
            #"{"type":"nftables","set":{"family":"ip","table":"filter","ipv4":"a","ipv6":"b"}}"#,
            #"{"type":"nftables","set":{"family":"bridge","table":"filter","ipv4":"a"}}"#,
            #"{"type":"nftables","set":{"family":"ip","table":"filter","ipv4":"a"},"ports":[22]}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[]}}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[0]}}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[65536]}}"#,
            #"{"type":"nftables","guard":{"protocol":"sctp","ports":[1]}}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[1],"forward":true}}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[1],"interfaces":["eth0; drop"]}}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[1],"destinations":["10.0.0.1/8"]}}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[1],"trial_seconds":-1}}"#,
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[1],"port":1}}"#,
            #"{"type":"ipset"}"#, #"{"type":"ipset","ipset":{}}"#, #"{"type":"ipset","ipset":{"ipv4":"a","ipv6":"a"}}"#,
            #"{"type":"ipset","ipset":{"ipv4":"a b"}}"#, #"{"type":"ipset","ipset":{"ipv6":"a","block_ipv4":"b"}}"#,
            #"{"type":"ipset","ipset":{"ipv4":"a"},"ports":[22]}"#,
            #"{"type":"ipset","ipset":{"ipv4":"a"},"protocol":"tcp"}"#,
            #"{"type":"ipset","ipset":{"ipv4":"a"},"guard":{"protocol":"tcp","ports":[1]}}"#,
            #"{"type":"haproxy","haproxy":{"socket":"/run/h.sock"}}"#,
            #"{"type":"haproxy","haproxy":{"socket":"/run/h.sock","map":"/a","acl":"/b"}}"#,
            #"{"type":"haproxy","haproxy":{"socket":"run/h.sock","map":"/a"}}"#,
            ##"{"type":"haproxy","haproxy":{"socket":"/run/h.sock","acl":"#101"}}"##,
            ##"{"type":"haproxy","haproxy":{"socket":"/run/h.sock","acl":"#1;clear map","file":"/a"}}"##,
            #"{"type":"haproxy","haproxy":{"socket":"/run/h.sock","map":"/a b"}}"#,
            #"{"type":"script","script":{"path":"open"}}"#, #"{"type":"script","script":{"path":"/opt/../bin/sh"}}"#,
            #"{"type":"script","script":{"path":"/opt/x","name":"-x"}}"#,
            #"{"type":"script","script":{"path":"/opt/x","environment":{"LD_PRELOAD":"x"}}}"#,
            #"{"type":"script","script":{"path":"/opt/x","environment":{"A":"x"},"sealed":{"A":"x"}}}"#,
            #"{"type":"script","script":{"path":"/opt/x","environment":{"a-b":"x"}}}"#,
            #"{"type":"allow_list","allow_list":{"x":1}}"#, #"{"type":"allow_list","script":{"path":"/opt/x"}}"#,
        ])
    func refused(_ json: String) {
        #expect(throws: (any Error).self) { try decode(json) }
    }

    @Test(
        "a variable on which programs act unasked is given to no script, open or sealed",
        arguments: [
            "PATH", "ENV", "BASH_ENV", "BASH_FUNC", "PS4", "PROMPT_COMMAND", "HOME", "TMPDIR", "LD_PRELOAD", "DYLD_X",
            "GCONV_PATH", "LOCPATH", "NLSPATH", "TERMINFO_DIRS", "HOSTALIASES", "RES_OPTIONS", "PYTHONHOME",
            "PYTHONSTARTUP",
            "PERL5OPT", "PERL5DB", "RUBYOPT", "NODE_OPTIONS", "NODE_PATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS",
            "JDK_JAVA_OPTIONS", "MAVEN_OPTS", "GREP_OPTIONS", "GIT_SSH_COMMAND", "SSH_ASKPASS", "OPENSSL_CONF",
            "RSYNC_RSH",
            "LESSOPEN", "HTTPS_PROXY", "ALL_PROXY", "MAKEFLAGS", "EDITOR", "MANPAGER", "LUA_INIT", "PHPRC",
            "KNOCKNOC_SCRIPT",
            "XTABLES_LIBDIR", "IPTABLES_LIB_DIR", "IP6TABLES_LIB_DIR", "IP_LIB_DIR", "TC_LIB_DIR", "EBTABLES_LIB_DIR",
            "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "AWS_SHARED_CREDENTIALS_FILE",
            "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "DOCKER_HOST", "DOCKER_CONFIG",
            "PGSERVICEFILE", "PSQLRC", "LIBMYSQL_PLUGINS", "ODBCINSTINI", "PKCS11_MODULE_PATH", "SASL_PATH", "CVS_RSH",
            "APT_CONFIG", "TF_PLUGIN_CACHE_DIR", "VIRSH_DEFAULT_CONNECT_URI", "JQ_LIBRARY_PATH",
        ])
    func reserved(_ name: String) throws {
        for field in ["environment", "sealed"] {
            let json = #"{"type":"script","script":{"path":"/opt/x","\#(field)":{"\#(name)":"x"}}}"#
            let error = #expect(throws: ModelError.self) { try decode(json) }
            #expect(error?.message.hasPrefix("script.\(field): \(name) may not be set") == true)
        }
        let secret = ScriptBackend(path: "/opt/x", secrets: [name: SecretText("x")])
        #expect(throws: ModelError.self) { try Backend.script(secret).validated() }
    }

    @Test(
        "names of an administrator's own are given",
        arguments: [
            "A", "HOST", "TOKEN", "REGION", "API_URL", "USER_NAME", "MARK", "FW_PATH", "PROXY", "OPTION", "HOMES", "_X",
            "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "PGPASSWORD", "PGHOST", "IP_LIST", "LIBRARY",
            "DOMAIN", "KEY_FILE",
        ])
    func own(_ name: String) throws {
        _ = try decode(#"{"type":"script","script":{"path":"/opt/x","environment":{"\#(name)":"x"}}}"#)
    }

    @Test("equal objects have equal keys, whatever the order, and a trial is no part of them")
    func keys() throws {
        let one = try Backend.nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [2, 1, 2])).validated()
        let two = try Backend.nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [1, 2], trialSeconds: 0)).validated()
        let three = try Backend.nftablesGuard(NFTablesGuard(protocol: .udp, ports: [1, 2])).validated()
        #expect(one.targetKey == two.targetKey)
        #expect(one.targetKey != three.targetKey)
    }

    @Test(
        "a prefix stands beside any object, is part of the key, and 128 is none",
        arguments: [
            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[1]}}"#,
            #"{"type":"nftables","set":{"family":"inet","table":"f","ipv6":"a"}}"#,
            #"{"type":"ipset","ipset":{"ipv6":"a"}}"#,
            #"{"type":"haproxy","haproxy":{"socket":"/run/h.sock","map":"/a"}}"#,
            #"{"type":"script","script":{"path":"/opt/x"}}"#, #"{"type":"allow_list"}"#,
        ])
    func prefix(_ json: String) throws {
        let plain = try decode(json)
        #expect(plain.ipv6Prefix == nil && !plain.targetKey.contains("ipv6="))
        let with = { (bits: String) in String(json.dropLast()) + ",\"ipv6_prefix\":\(bits)}" }
        let wide = try decode(with("64"))
        #expect(wide.ipv6Prefix == 64 && wide.targetKey == plain.targetKey + " ipv6=/64")
        #expect(try decode(String(decoding: JSONEncoder().encode(wide), as: UTF8.self)) == wide)
        #expect(try decode(with("128")) == plain)
        for bits in ["31", "129", "0", "-1"] {
            #expect(throws: ModelError.self) { try decode(with(bits)) }
        }
        #expect(throws: (any Error).self) { try decode(#"{"type":"dry-run","ipv6_prefix":64}"#) }
        let (client, four) = (try #require(IPAddress("2001:db8:1:2:3::4")), try #require(IPAddress("192.0.2.1")))
        #expect(wide.network(of: client).description == "2001:db8:1:2::/64")
        #expect(plain.network(of: client).shortest == "2001:db8:1:2:3::4")
        #expect(wide.network(of: four).shortest == "192.0.2.1")
    }

    @Test("an allow list is its Knoc's own; any other object is whose it is, whichever Knoc names it")
    func ownKeys() throws {
        let (one, other) = (KnocID(value: 1), KnocID(value: 2))
        #expect(Backend.allowList(.init()).targetKey(of: one) != Backend.allowList(.init()).targetKey(of: other))
        #expect(Backend.dryRun.targetKey(of: one) == Backend.dryRun.targetKey(of: other))
    }

    @Test("a script's variables tell two targets apart, and neither their order nor a secret sealed anew does")
    func scriptKeys() throws {
        func key(_ environment: [String: String], _ sealed: [String: SealedValue] = [:]) -> String {
            Backend.script(ScriptBackend(path: "/opt/x", environment: environment, sealed: sealed)).targetKey
        }
        #expect(key(["A": "1", "B": "2"]) == key(["B": "2", "A": "1"]))
        #expect(key(["A": "1 B=1:2"]) != key(["A": "1", "B": "2"]))
        #expect(key([:], ["K": .init(text: "one")]) == key([:], ["K": .init(text: "two")]))
        #expect(key([:], ["K": .init(text: "one")]) != key([:]))
    }
}
