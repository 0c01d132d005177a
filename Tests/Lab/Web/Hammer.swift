import Glibc

/// Many requests at once from one host, each on a connection of its own, so that nothing is tried twice behind our back.
public struct Hammer: Sendable {
    private let process: LabProcess

    public struct Count: Sendable {
        public var succeeded = 0
        /// What failed, in words.
        public var failures: [String] = []
    }

    /// - Parameter address: of the server; `path` is asked for with the session's token.
    public init(from host: Host, to address: String, path: String, token: String, workers: Int = 4) throws {
        process = try host.start(["python3", "-u", "-c", Self.program, address, path, token, String(workers)])
    }

    /// Waits until this many have succeeded since the call.
    public func more(_ number: Int, within limit: Duration = .seconds(30)) async throws {
        let start = process.outputLines.count
        for _ in 0..<max(1, number / 10) {
            let from = process.outputLines.count
            _ = try await process.line(from: max(start, from - 1), within: limit) { $0.hasPrefix("ok") }
        }
    }

    /// Stops asking; what is on its way is counted too.
    public func stop() async throws -> Count {
        process.signal(SIGTERM)
        _ = await process.exit()
        var count = Count()
        for line in process.outputLines {
            if line.hasPrefix("end ") { count.succeeded = Int(line.dropFirst(4)) ?? 0 }
            if line.hasPrefix("failed ") { count.failures.append(String(line.dropFirst(7))) }
        }
        return count
    }

    private static let program = """
        import http.client, signal, ssl, sys, threading, time
        address, path, token, workers = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        lock, done, ended = threading.Lock(), 0, threading.Event()
        def say(*words):
            with lock: print(*words, flush=True)
        def work(number):
            global done
            cookie = None
            while not ended.is_set():
                try:
                    c = http.client.HTTPSConnection(address, 443, timeout=20, context=context)
                    headers = {"Host": "knocknoc.test", "Authorization": "Bearer " + token, "Connection": "close"}
                    if cookie: headers["Cookie"] = cookie
                    c.request("GET", path, headers=headers)
                    answer = c.getresponse(); body = answer.read(); c.close()
                    for line in answer.msg.get_all("Set-Cookie") or []: cookie = line.split(";")[0]
                    if answer.status != 200: say("failed", "%.3f" % time.monotonic(), "status", answer.status, cookie, body[:300])
                    else:
                        with lock: done += 1; count = done
                        if count % 10 == 0: say("ok", count)
                except Exception as error: say("failed", "%.3f" % time.monotonic(), type(error).__name__, error)
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        threads = [threading.Thread(target=work, args=(n,)) for n in range(workers)]
        for t in threads: t.start()
        ended.wait()
        for t in threads: t.join()
        print("end", done, flush=True)
        """
}
