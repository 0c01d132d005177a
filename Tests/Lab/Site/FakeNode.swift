import Glibc

/// Somebody who answers a load balancer's checks as a web node does, and hangs up on the first request of each method for
/// each other path: what comes a second time is answered.
public struct FakeNode: Sendable {
    private let process: LabProcess

    /// At a port of the host's loopback, without TLS.
    public init(on host: Host, port: Int = 8756) async throws {
        process = try host.start(["python3", "-u", "-c", Self.program, String(port)])
        _ = try await process.line { $0 == "ready" }
    }

    /// `/health` answers 503 from now on, `/livez` as before.
    public func loseDatabase() { process.signal(SIGUSR1) }

    /// How often this was asked.
    public func arrivals(_ method: String, _ path: String) -> Int {
        process.outputLines.count { $0 == "\(method) \(path)" }
    }

    public func stop() async { await process.stop(SIGKILL) }

    private static let program = """
        import signal, socket, sys
        well, seen = [True], set()
        signal.signal(signal.SIGUSR1, lambda *_: well.clear())
        s = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
        print("ready")
        while True:
            c, _ = s.accept()
            try:
                c.settimeout(5)
                data = b""
                while b"\\r\\n\\r\\n" not in data:
                    more = c.recv(65536)
                    if not more: raise OSError("nothing")
                    data += more
                head, body = data.split(b"\\r\\n\\r\\n", 1)
                lines = head.decode().split("\\r\\n")
                fields = dict(line.lower().split(": ", 1) for line in lines[1:])
                while len(body) < int(fields.get("content-length", "0")): body += c.recv(65536)
                method, path, _ = lines[0].split(" ")
                isCheck = path in ("/health", "/livez")
                if not isCheck: print(method, path)
                if isCheck or (method, path) in seen:
                    status = "200 OK" if well or path != "/health" else "503 Service Unavailable"
                    c.sendall(f"HTTP/1.1 {status}\\r\\nConnection: close\\r\\nContent-Length: 15\\r\\n\\r\\n".encode()
                              + b'{"status":"ok"}')
                seen.add((method, path))
            except OSError: pass
            c.close()
        """
}
