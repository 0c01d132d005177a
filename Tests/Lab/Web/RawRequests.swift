/// Requests as bytes, for what no browser sends.
public enum RawRequests {
    public struct Answer: Sendable, Hashable {
        /// 0 where nothing came.
        public var status: Int
        public var location: String?
        /// Of the answer's body, as far as it came at once.
        public var body: String
    }

    /// Sends each over a connection of its own.
    public static func send(_ requests: [String], from host: Host, to address: String, port: Int) async throws
        -> [Answer]
    {
        let result = try await host.run(
            ["python3", "-c", program, address, String(port)], input: requests.joined(separator: "\u{0}"))
        return try JSON(parsing: result.output).items.map {
            Answer(status: $0["status"].int ?? 0, location: $0["location"].string, body: $0["body"].string ?? "")
        }
    }

    /// One connection on which the same is asked again and again; a line for each change of the answer's status, and
    /// "closed" at its end.
    public static func repeated(_ request: String, from host: Host, to address: String, port: Int) throws -> LabProcess
    {
        try host.start(["python3", "-u", "-c", program, address, String(port), "again"], input: request)
    }

    /// A page that never ends: a line `tick` for each part of it, while the connection carries any.
    public static func endless(from host: Host, to address: String, port: Int, host name: String) throws -> LabProcess {
        try host.start([
            "curl", "--silent", "--no-buffer", "--noproxy", "*", "--resolve", "\(name):\(address)",
            "http://\(name)/endless",
        ])
    }

    private static let program = #"""
        import json, socket, sys, time

        def answer(sock):
            data = b""
            while b"\r\n\r\n" not in data:
                more = sock.recv(65536)
                if not more:
                    return None
                data += more
            head, body = data.split(b"\r\n\r\n", 1)
            lines = head.decode("latin1").split("\r\n")
            fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
            while len(body) < int(fields.get("content-length", 0)):
                more = sock.recv(65536)
                if not more:
                    break
                body += more
            return {"status": int(lines[0].split(" ")[1]), "location": fields.get("location"), "body": body.decode("latin1")}

        def connection():
            return socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)

        requests = sys.stdin.buffer.read().split(b"\0")
        if len(sys.argv) > 3:
            sock, before = connection(), None
            while True:
                try:
                    sock.sendall(requests[0])
                    seen = answer(sock)
                except OSError:
                    seen = None
                if seen is None:
                    print("closed")
                    sys.exit(0)
                if seen["status"] != before:
                    before = seen["status"]
                    print(before)
                time.sleep(0.02)
        answers = []
        for request in requests:
            sock = connection()
            try:
                sock.sendall(request)
                seen = answer(sock)
            except OSError:
                seen = None
            answers.append(seen or {"status": 0, "body": ""})
            sock.close()
        print(json.dumps(answers))
        """#
}
