"""The one prober, already running on the client: it takes both stamps of every round. One line of milliseconds each.

usage: prober.py ROUNDS MODE [ARGUMENT…]
  knocknoc KNOC TOKENFILE   a click over a kept connection: request sent -> SYN accepted; then revoke -> SYN refused,
                            and the last byte on an established connection
  process RESET COMMAND…    a client process started per knock; RESET is a shell command run before each round
  alone                     the prober itself, on an open port
"""
import http.client, os, socket, struct, subprocess, sys, threading, time

TARGET = ("10.78.0.1", 9000)
rounds, mode = int(sys.argv[1]), sys.argv[2]


def attempt(limit=0.001):
    """A connection, or None; the socket is reset, so that nothing is left behind."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.settimeout(limit)
    try:
        sock.connect(TARGET)
        return sock
    except OSError:
        sock.close()
        return None


def until_open(start):
    while time.perf_counter() - start < 5:
        sock = attempt()
        if sock:
            return (time.perf_counter() - start) * 1e3, sock
    return float("nan"), None


def until_closed(start):
    while time.perf_counter() - start < 5:
        begun = time.perf_counter()
        sock = attempt(0.02)
        if not sock:
            return (begun - start) * 1e3
        sock.close()
        # Each attempt costs the service a thread: without a pause the prober would take a core from what it measures.
        time.sleep(0.0005)
    return float("nan")


def last_byte(sock, box):
    """Reads what the service sends by itself until nothing came for 300 ms."""
    sock.settimeout(0.3)
    try:
        while sock.recv(4096):
            box[0] = time.perf_counter()
    except OSError:
        pass


if mode == "knocknoc":
    knoc, token = sys.argv[3], open(sys.argv[4]).read().strip()
    connection = http.client.HTTPConnection("10.78.0.1", 8756, source_address=("10.78.0.2", 0))
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Authorization": "Bearer " + token}
    path = f"/api/v1/me/knocs/{knoc}/grant"

    def send(method, query=""):
        connection.request(method, path + query, headers=headers)

    def answer():
        response = connection.getresponse()
        body = response.read()
        if response.status >= 300:
            raise SystemExit(f"{response.status} {body}")

    for _ in range(rounds):
        start = time.perf_counter()
        send("POST")
        opened, sock = until_open(start)
        answer()
        box = [time.perf_counter()]
        reader = threading.Thread(target=last_byte, args=(sock, box))
        reader.start()
        time.sleep(0.05)
        start = time.perf_counter()
        send("DELETE")
        closed = until_closed(start)
        answer()
        reader.join()
        sock.close()
        print(opened, closed, max(0.0, (box[0] - start) * 1e3), flush=True)
        send("DELETE", "?wait=5000")
        answer()
elif mode == "process":
    reset, command = sys.argv[3], sys.argv[4:]
    null = open(os.devnull, "w")
    for _ in range(rounds):
        subprocess.run(reset, shell=True, stdout=null, stderr=null)
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=null, stderr=null)
        opened, sock = until_open(start)
        process.wait()
        if sock:
            sock.close()
        print(opened, flush=True)
        time.sleep(0.3)
else:
    for _ in range(rounds):
        opened, sock = until_open(time.perf_counter())
        sock.close()
        print(opened, flush=True)
        time.sleep(0.02)
