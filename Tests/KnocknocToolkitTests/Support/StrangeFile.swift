import Foundation

/// Files of pg_hba.conf as somebody may have written them: what Postgres takes, and nobody tidies.
enum StrangeFile {
    /// Lines that a server takes, with the local access that the tests need.
    static let all: [(name: String, bytes: [UInt8])] = [
        ("as Debian has it", debian),
        ("carriage returns", Array("# by hand\r\nlocal all all trust\r\nhost all all 127.0.0.1/32 md5\r\n".utf8)),
        ("no line feed at the end", Array("local all all trust\nhost all all 10.9.0.0/16 reject".utf8)),
        ("no line feed at the end, with carriage returns", Array("local all all trust\r\n# the end".utf8)),
        ("bytes that are no text", Array("# caf".utf8) + [0xe9, 0xff, 0x0a] + Array("local all all trust\n# \u{fe0f}".utf8)),
        (
            "continued lines, tabs, commas and quotes",
            Array(
                #"""
                # a comment that goes on \
                host all all 0.0.0.0/0 trust
                local\#tall , postgres\#tall\#ttrust#close
                \#thost "all", "a ""b"""\#t+people,\
                 "some one" \
                  198.51.100.0 255.255.255.0 \
                    scram-sha-256


                host all all 203.0.113.9 255.255.255.255 reject
                """#.utf8)
        ),
        (
            "refusals first, and names from a file",
            Array(
                """
                local all all trust
                host all all 10.66.0.0/16 reject
                hostnossl all all 0.0.0.0/0 reject
                host @names all 10.77.0.0/16 md5
                host all all .example.org scram-sha-256
                \("")
                """.utf8)
        ),
        ("nothing for hosts at all", Array("local all all trust\n\n\n".utf8)),
    ]

    private static let debian = Array(
        """
        # PostgreSQL Client Authentication Configuration File
        # ===================================================
        local   all             postgres                                trust

        # TYPE  DATABASE        USER            ADDRESS                 METHOD

        # "local" is for Unix domain socket connections only
        local   all             all                                     trust
        # IPv4 local connections:
        host    all             all             127.0.0.1/32            scram-sha-256
        # IPv6 local connections:
        host    all             all             ::1/128                 scram-sha-256
        # Allow replication connections from localhost, by a user with the
        # replication privilege.
        local   replication     all                                     peer
        host    replication     all             127.0.0.1/32            scram-sha-256
        \("")
        """.utf8)
}
