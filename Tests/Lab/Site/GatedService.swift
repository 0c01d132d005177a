/// A site behind a reverse proxy, which answers with what it was asked.
public enum GatedService {
    /// Starts it on every address of a host.
    public static func start(on host: Host, port: Int) async throws -> LabProcess {
        let process = try host.start(["python3", "-u", "-c", program, String(port)])
        _ = try await process.line { $0 == "ready" }
        return process
    }

    private static let program = #"""
        import http.server, json, socket, socketserver, sys, time

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                if self.path == "/endless":
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    while True:
                        self.wfile.write(b"5\r\ntick\n\r\n")
                        self.wfile.flush()
                        time.sleep(0.02)
                body = json.dumps({"method": self.command, "path": self.path,
                    "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

            def log_message(self, *words):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            address_family = socket.AF_INET6
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        server = Server(("::", int(sys.argv[1])), Handler)
        print("ready")
        server.serve_forever()
        """#
}
