"""Ten thousand agents in one process: links that greet, keep up a heartbeat, acknowledge, and come back where a node dies.

usage: crowd.py TOKENFILE PORT[,PORT…]

Each line of input is a command, answered by one line: "count" (how many are linked), "gone" (waits until nobody is), "all SECONDS"
(waits until everybody is, and says for how many milliseconds it waited since the last "gone").
"""
import asyncio, base64, hashlib, json, os, random, resource, struct, sys, time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TOKENS = open(sys.argv[1]).read().split()
PORTS = [int(port) for port in sys.argv[2].split(",")]
BOOT = open("/proc/sys/kernel/random/boot_id").read().strip()
# One key pair of one kind serves all: what it costs to check a signature is the same.
linked = 0
changed = asyncio.Event()
gone_at = time.monotonic()


def now():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


def frame(message):
    """A client's text frame, masked with zeroes."""
    data = json.dumps(message, separators=(",", ":")).encode()
    size = len(data)
    head = bytes([0x81, 0x80 | size]) if size < 126 else struct.pack(">BBH", 0x81, 0xfe, size) if size < 65536 \
        else struct.pack(">BBQ", 0x81, 0xff, size)
    return head + b"\0\0\0\0" + data


async def read(reader):
    """The next text message; None at a close."""
    while True:
        first, size = await reader.readexactly(2)
        if size == 126:
            size, = struct.unpack(">H", await reader.readexactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", await reader.readexactly(8))
        data = await reader.readexactly(size)
        if first & 15 == 1:
            return json.loads(data)
        if first & 15 == 8:
            return None


class Agent:
    def __init__(self, number, token):
        self.number, self.token = number, token
        self.key = Ed25519PrivateKey.generate()
        self.public = base64.b64encode(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
        self.position, self.instance = None, os.urandom(8).hex()

    async def live(self):
        global linked
        wait = 1.0
        while True:
            try:
                await self.link()
            except (OSError, asyncio.IncompleteReadError, ConnectionError):
                pass
            # As the agent does: after a loss within what the node has said, then twice as long each time, up to 30 s.
            if self.isLinked:
                linked -= 1
                changed.set()
                wait = 1.0
                await asyncio.sleep(random.uniform(0.1, max(0.3, self.spread)))
            else:
                await asyncio.sleep(random.uniform(0.1, wait))
                wait = min(30.0, wait * 2)

    isLinked = False
    spread = 0.0

    async def link(self):
        global linked
        self.isLinked = False
        port = PORTS[self.number % len(PORTS)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
        try:
            host = f"127.0.0.1:{port}"
            writer.write((f"GET /agent/v1/link HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                          f"Authorization: Bearer {self.token}\r\n\r\n").encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                raise OSError(head.split(b"\r\n", 1)[0].decode())
            challenge = await read(reader)
            writer.write(frame(self.hello(challenge, host)))
            epoch = (await read(reader))["link_epoch"]
            beat = asyncio.create_task(self.beat(writer))
            try:
                while (message := await read(reader)) is not None:
                    kind = message["type"]
                    if kind == "nodes":
                        self.spread = min(60_000, message["spread_ms"]) / 1000
                    if kind in ("changes", "snapshot_end"):
                        self.position = message["position"]
                        writer.write(frame({"type": "applied", "link_epoch": epoch, "failures": [], "dry_run": [],
                                            "revision": self.position["revision"]}))
                        if not self.isLinked:
                            self.isLinked = True
                            linked += 1
                            changed.set()
            finally:
                beat.cancel()
        finally:
            writer.close()

    def hello(self, challenge, host):
        signed = b"knocknoc agent link hello, version 1\0"
        for part in (challenge["nonce"], challenge["agent"], host.lower()):
            data = part.encode()
            signed += struct.pack(">I", len(data)) + data
        hello = {"type": "hello", "protocol_min": 1, "protocol_max": 1, "instance": self.instance, "removals": [],
                 "stamp": {"boot": BOOT, "time": now()}, "signing_key": self.public,
                 "sealing_key": base64.b64encode(hashlib.sha256(self.public.encode()).digest()).decode(),
                 "signature": base64.b64encode(self.key.sign(signed)).decode(), "version": "0.1.0",
                 "machine": "crowd", "system": "Linux", "capabilities": {}}
        if self.position:
            hello["position"] = self.position
        return hello

    async def beat(self, writer):
        await asyncio.sleep(random.uniform(0, 5))
        while True:
            writer.write(frame({"type": "heartbeat", "boot": BOOT, "time": now()}))
            await asyncio.sleep(5)


async def commands():
    global gone_at
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().split():
        if line[0] == "gone":
            while linked:
                changed.clear()
                await changed.wait()
            gone_at = time.monotonic()
        elif line[0] == "all":
            end = time.monotonic() + float(line[1])
            while linked < len(TOKENS) and time.monotonic() < end:
                changed.clear()
                try:
                    await asyncio.wait_for(changed.wait(), 1)
                except asyncio.TimeoutError:
                    pass
            print(linked, int((time.monotonic() - gone_at) * 1000), flush=True)
            continue
        print(linked, flush=True)


async def main():
    agents = [asyncio.create_task(Agent(number, token).live()) for number, token in enumerate(TOKENS)]
    await commands()
    for agent in agents:
        agent.cancel()


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
