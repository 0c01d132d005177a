/// Many sign-ins from one address, as fast as they are answered.
public struct Flood: Sendable {
    public var succeeded = 0
    /// 401: the password was wrong.
    public var refused = 0
    /// 429 from a node.
    public var throttled = 0
    /// 429 from the load balancer itself.
    public var fenced = 0
    public var other: [String] = []
    public var seconds = 0.0

    public var perMinute: Double { Double(succeeded + refused + throttled + fenced) / seconds * 60 }

    /// - Parameters:
    ///   - wrongEvery: every how many-th has a wrong password for an account that is not there.
    ///   - count: how many in all.
    public static func run(
        from host: Host, to address: String, password: String, wrongEvery: Int, count: Int
    ) async throws -> Flood {
        let result = try await host.run(
            ["python3", "-c", program, address, password, String(wrongEvery), String(count)])
        let json = try JSON(parsing: result.output)
        var flood = Flood()
        flood.succeeded = json["200"].int ?? 0
        flood.refused = json["401"].int ?? 0
        flood.throttled = json["429"].int ?? 0
        flood.fenced = json["fenced"].int ?? 0
        flood.other = json["other"].items.compactMap(\.string)
        flood.seconds = (json["ms"].int).map { Double($0) / 1000 } ?? 1
        return flood
    }

    private static let program = """
        import collections, http.client, json, queue, ssl, sys, threading, time
        address, password, every, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        work, counts, other, lock = queue.Queue(), collections.Counter(), [], threading.Lock()
        for n in range(count): work.put(n)
        def sign_in():
            while True:
                try: n = work.get_nowait()
                except queue.Empty: return
                wrong = n % every == every - 1
                body = json.dumps({"username": "nobody-%d" % n if wrong else "alice", "password": "wrong" if wrong else password})
                try:
                    c = http.client.HTTPSConnection(address, 443, timeout=30, context=context)
                    c.request("POST", "/api/v1/login", body, {"Host": "knocknoc.test", "Content-Type": "application/json", "Connection": "close"})
                    a = c.getresponse(); text = a.read(); c.close()
                    kind = "fenced" if b"from your network" in text else str(a.status)
                except Exception as error: kind, text = "other", repr(error).encode()
                with lock:
                    counts[kind] += 1
                    if kind not in ("200", "401", "429", "fenced"): other.append(kind + " " + text.decode()[:200])
        began = time.monotonic()
        threads = [threading.Thread(target=sign_in) for _ in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        print(json.dumps(dict(counts, other=other, ms=int(1000 * (time.monotonic() - began)))))
        """
}
