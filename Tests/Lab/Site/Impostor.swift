import Glibc

/// Somebody who speaks TLS and HTTP at a node's address, with a certificate of his own.
public struct Impostor: Sendable {
    private let process: LabProcess

    public init(on host: Host, port: Int) async throws {
        process = try host.start(["python3", "-u", "-c", Self.program, String(port)])
        _ = try await process.line { $0 == "ready" }
    }

    /// Waits until three handshakes were broken off by the other side.
    public func untilRefused() async throws {
        _ = try await process.line(within: .seconds(60)) { $0 == "refused 3" }
    }

    /// How many requests were sent to him.
    public var requests: Int { process.outputLines.count { $0 == "request" } }

    public func stop() async { await process.stop(SIGKILL) }

    private static let program = """
        import socket, ssl, subprocess, sys, tempfile
        f = tempfile.mkdtemp()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=knocknoc.test", "-days", "2", "-keyout", f + "/k", "-out", f + "/c"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f + "/c", f + "/k")
        subprocess.run(["rm", "-r", f])
        s = socket.create_server(("", int(sys.argv[1])))
        print("ready")
        refused = 0
        while True:
            c, _ = s.accept()
            try:
                c.settimeout(5)
                t = context.wrap_socket(c, server_side=True)
                if t.recv(4096): print("request")
                else: raise OSError("nothing")
                t.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 15\\r\\n\\r\\n{"status":"ok"}')
                t.close()
            except OSError as error:
                refused += 1
                print("refused", refused)
                c.close()
        """
}
