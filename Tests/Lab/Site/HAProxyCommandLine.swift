/// HAProxy's own command line, on its Unix socket.
public enum HAProxyCommandLine {
    private static let program = """
        import socket, sys
        s = socket.socket(socket.AF_UNIX); s.settimeout(5)
        try: s.connect(sys.argv[1])
        except OSError: sys.exit(0)
        s.sendall(sys.argv[2].encode() + b"\\n")
        while data := s.recv(65536): sys.stdout.buffer.write(data)
        """

    /// One command; nothing where nobody answers.
    public static func ask(_ socket: String, _ command: String) async throws -> String {
        try await Shell.run(["python3", "-c", program, socket, command]).text
    }
}
