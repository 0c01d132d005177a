/// People at work: each signs in once, reads pages, and opens and closes a port of their own.
///
/// One thread for each address; a thread takes its people in turn, so that one person's requests never overtake each
/// other and the last acknowledged one is what must hold.
enum LoadProgram {
    static let text = #"""
        import http.client, json, random, signal, socket, ssl, sys, threading, time

        plan = json.loads(sys.stdin.readline())
        context = ssl.create_default_context(cadata=plan["certificate"])
        context.check_hostname = plan["named"]
        stop = threading.Event()
        lock = threading.Lock()
        running = threading.Event()
        running.set()
        failures, signed_out, moves, latencies, acknowledged = [], [], [], [], []
        requests = changes = sign_ins = 0
        served = {}

        class Connection(http.client.HTTPSConnection):
            def __init__(self, source):
                super().__init__(plan["name"], plan["port"], timeout=plan["patience"])
                self.source = source

            def connect(self):
                plain = socket.create_connection((plan["address"], plan["port"]), self.timeout, (self.source, 0))
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sock = context.wrap_socket(plain, server_hostname=plan["name"])

        class Person:
            def __init__(self, given):
                self.name, self.address, self.knoc = given["name"], given["address"], given["knoc"]
                self.connection = Connection(self.address)
                self.token = self.cookie = None
                # What was acknowledged last: nobody knows what became of a request without an answer, nor what was before.
                self.state, self.since = "unknown", time.monotonic()

            def send(self, method, path, body=None, anonymous=False):
                headers = {}
                if self.token and not anonymous:
                    headers["Authorization"] = "Bearer " + self.token
                if self.cookie:
                    headers["Cookie"] = self.cookie
                if body:
                    headers["Content-Type"] = "application/json"
                try:
                    self.connection.request(method, path, body, headers)
                    answer = self.connection.getresponse()
                    data = answer.read()
                except (OSError, http.client.HTTPException):
                    self.connection.close()
                    raise
                for value in answer.headers.get_all("Set-Cookie") or []:
                    pair = value.split(";")[0]
                    if pair.startswith(plan["cookie"] + "="):
                        if self.cookie and self.cookie != pair:
                            with lock:
                                moves.append([time.monotonic(), self.name, node(self.cookie), node(pair)])
                        self.cookie = pair
                return answer.status, data

            def ask_in(self):
                body = json.dumps({"username": self.name, "password": plan["password"]})
                return self.send("POST", "/api/v1/login", body, anonymous=True)

            def sign_in(self):
                status, data = self.ask_in()
                if status != 200:
                    raise RuntimeError("%s cannot sign in: %d %s" % (self.name, status, data[:300]))
                self.token = json.loads(data)["token"]

            def is_signed_in(self):
                status = 0
                for attempt in range(40):
                    try:
                        status, _ = self.send("GET", "/api/v1/me")
                    except (OSError, http.client.HTTPException):
                        pass
                    if status in (200, 401):
                        break
                    time.sleep(0.5)
                return status == 200

            def act(self, chance):
                global requests, changes, sign_ins
                wanted, path = None, chance.choice(("/api/v1/me", "/api/v1/me/knocs"))
                method = "GET"
                if chance.random() < plan["changes"]:
                    path = "/api/v1/me/knocs/%s/grant" % self.knoc
                    # Twice the same now and then: what is repeated must do no harm.
                    wanted = chance.choices(("granted", "revoked"), (1, 4) if self.state == "granted" else (4, 1))[0]
                    method = "POST" if wanted == "granted" else "DELETE"
                # As from another browser: what was opened belongs to the session that opened it.
                again = not wanted and chance.random() < plan["sign_ins"]
                if again:
                    method, path = "POST", "/api/v1/login"
                begun = time.monotonic()
                try:
                    status, data = self.ask_in() if again else self.send(method, path)
                    why = None if status in (200, 202) else "%d %s" % (status, data[:200].decode("utf-8", "replace"))
                    if again and not why and not json.loads(data)["token"]:
                        why = "signed in without a token"
                except (OSError, http.client.HTTPException) as error:
                    status, why = 0, repr(error)
                ended = time.monotonic()
                with lock:
                    requests += 1
                    changes += wanted is not None
                    sign_ins += again
                    latencies.append(ended - begun)
                    if self.cookie:
                        served[node(self.cookie)] = served.get(node(self.cookie), 0) + 1
                    if status == 401:
                        signed_out.append(self.name)
                    if why:
                        failures.append([ended, self.name, method + " " + path, why])
                if wanted:
                    self.state, self.since = ("unknown" if why else wanted), ended
                    if not why:
                        acknowledge(begun, ended)

        told = 0

        def say(line):
            # In one piece, since several threads speak.
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

        def acknowledge(begun, ended):
            global told
            with lock:
                acknowledged.append([begun, ended])
                # Often enough to wait for.
                if ended > told + 0.1:
                    told = ended
                    say("acknowledged %r" % begun)

        def node(cookie):
            return cookie.split("=", 1)[1]

        def work(people, seed, turn_of):
            chance = random.Random(seed)
            period = plan["threads"] / plan["rate"]
            due = time.monotonic() + period * chance.random()
            turn = 0
            while not stop.is_set():
                stop.wait(max(0, due - time.monotonic()))
                # What could not be done in time is left out, not made up for.
                due = max(due + period, time.monotonic() - period)
                running.wait()
                with turn_of:
                    people[turn % len(people)].act(chance)
                turn += 1

        people = [Person(given) for given in plan["people"]]
        by_address = {}
        for person in people:
            by_address.setdefault(person.address, []).append(person)
        plan["threads"] = len(by_address)

        turns = [threading.Lock() for _ in by_address]

        def all_at_once(work):
            threads = [
                threading.Thread(target=work, args=(group, seed, turns[seed]))
                for seed, group in enumerate(by_address.values())
            ]
            for thread in threads:
                thread.start()
            return threads

        def report(span):
            signed_out.extend(person.name for person in people if not person.is_signed_in())
            times = sorted(latencies)
            share = lambda part: times[min(len(times) - 1, int(len(times) * part))] if times else 0
            say("report " + json.dumps({
                "requests": requests, "changes": changes, "sign_ins": sign_ins, "seconds": span, "failures": failures,
                "signed_out": signed_out, "moves": moves, "served": served, "p50": share(0.5), "p99": share(0.99),
                "longest": share(1), "acknowledged": acknowledged,
                "ledger": [{"name": person.name, "state": person.state, "since": person.since} for person in people],
            }))

        def hold():
            """Lets everybody finish what they are at, and then nobody begins anything until they may."""
            for turn in turns:
                turn.acquire()
            report(time.monotonic() - begun)
            while wishes["hold"] and not wishes["end"]:
                time.sleep(0.05)
            running.set()
            for turn in turns:
                turn.release()

        # No more is done in a handler: an event's lock may be held by what it interrupts.
        wishes = {"hold": False, "end": False}
        signal.signal(signal.SIGTERM, lambda *_: wishes.update(end=True))
        signal.signal(signal.SIGUSR1, lambda *_: wishes.update(hold=True))
        signal.signal(signal.SIGUSR2, lambda *_: wishes.update(hold=False))
        for thread in all_at_once(lambda group, *_: [person.sign_in() for person in group]):
            thread.join()
        if not all(person.token for person in people):
            raise SystemExit("not everybody could sign in")
        say("signed in")
        begun = time.monotonic()
        threads = all_at_once(work)
        shown = 0
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.05)
            if requests // 100 > shown:
                shown = requests // 100
                say("requests %d" % requests)
            if wishes["hold"]:
                running.clear()
                hold()
            if wishes["end"]:
                stop.set()
                for thread in threads:
                    thread.join()
        report(time.monotonic() - begun)
        """#
}
