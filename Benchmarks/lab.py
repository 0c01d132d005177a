"""Hosts, processes and a whole site for the measurements; everything is made here and removed by id."""
import atexit, json, os, pathlib, secrets, shutil, signal, subprocess, sys, tempfile, time

PREFIX = "kb%x" % secrets.randbelow(1 << 16)
BIN = os.environ.get("KNOCKNOC_BIN", ".build/release")
SERVER, AGENT = f"{BIN}/knocknoc", f"{BIN}/knocknoc-agent"
PASSWORD = "bench: correct horse battery"
GATEWAY, CLIENT = "10.78.0.1", "10.78.0.2"
_processes, _namespaces = [], []
folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir="/var/tmp"))
folder.chmod(0o755)


def check(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def inside(host, *command):
    return ["ip", "netns", "exec", PREFIX + host, *command]


def start(host, *command, env=None, log=None, **options):
    out = open(folder / (log or "out.log"), "ab")
    process = subprocess.Popen(
        inside(host, *command), env={**os.environ, **(env or {})}, **{"stdout": out, "stderr": out, **options})
    _processes.append(process)
    return process


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process in _processes:
        _processes.remove(process)


def clean_up():
    for process in reversed(_processes):
        process.kill()
        process.wait()
    for name in _namespaces:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


atexit.register(clean_up)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def hosts():
    """gw and cl, one wire between them."""
    for host in ("gw", "cl"):
        check("ip", "netns", "add", PREFIX + host)
        _namespaces.append(PREFIX + host)
    check("ip", "link", "add", "eth0", "netns", PREFIX + "gw", "type", "veth", "peer", "name", "eth0",
          "netns", PREFIX + "cl")
    for host, address in (("gw", GATEWAY), ("cl", CLIENT)):
        check("ip", "-n", PREFIX + host, "addr", "add", address + "/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            check("ip", "-n", PREFIX + host, "link", "set", link, "up")
    for number in range(10, 60):
        check("ip", "-n", PREFIX + "cl", "addr", "add", f"10.78.0.{number}/24", "dev", "eth0")


def postgres():
    """A cluster on the gateway with the defaults of Debian; returns its URL and the folder of its programs."""
    return cluster()[1:]


def cluster():
    """The same, with its process before them."""
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))[-1]
    data = folder / "pg"
    data.mkdir()
    shutil.chown(data, "postgres")
    run_as = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    check(*run_as, f"{programs}/initdb", "-D", f"{data}/d", "-A", "trust", "-U", "postgres", "-E", "UTF8")
    process = start("gw", *run_as, f"{programs}/postgres", "-D", f"{data}/d", "-k", str(data), "-p", "5432",
                    "-c", "listen_addresses=127.0.0.1", log="postgres.log")
    until(lambda: subprocess.run(
        inside("gw", f"{programs}/pg_isready", "-h", "127.0.0.1"), capture_output=True).returncode == 0)
    check(*inside("gw", f"{programs}/createdb", "-h", "127.0.0.1", "-U", "postgres", "knocknoc"))
    return process, "postgres://postgres@127.0.0.1:5432/knocknoc", programs


def until(condition, limit=30):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            for log in folder.glob("*.log"):
                sys.stderr.write(f"--- {log.name}\n{log.read_text()[-3000:]}\n")
            raise SystemExit("the measurement gave up waiting")
        time.sleep(0.02)


def curl(host, method, path, body=None, token=None, port=8756):
    """One request from a host; returns the JSON of its answer."""
    lines = [f'url = "http://{GATEWAY}:{port}{path}"', f'request = "{method}"', "silent", "show-error",
             'header = "Content-Type: application/json"', "fail-with-body"]
    if token:
        lines.append(f'header = "Authorization: Bearer {token}"')
    if body is not None:
        lines.append("data = " + json.dumps(json.dumps(body)))
    result = subprocess.run(inside(host, "curl", "--config", "-"), input="\n".join(lines), text=True,
                            capture_output=True)
    if result.returncode:
        raise SystemExit(f"{method} {path}: {result.stdout}{result.stderr}")
    return json.loads(result.stdout) if result.stdout else None


def answers(port):
    return subprocess.run(
        inside("gw", "curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/health")).returncode == 0


def knocker():
    """The server's executable under its other name."""
    link = folder / "knocker"
    if not link.is_symlink():
        link.symlink_to(os.path.abspath(SERVER))
    return link


class Site:
    """A web node and an agent on the gateway, over Postgres, with users and a guarded port 9000."""

    def __init__(self, url, users=50):
        self.url = url
        self.serve()
        check(*inside("gw", str(knocker()), "create-admin", "root", "--password-stdin", "--database-url", url),
              input=PASSWORD + "\n")
        self.admin = curl("gw", "POST", "/api/v1/admin/login", {"username": "root", "password": PASSWORD})["token"]
        made = self.make("agents", {"name": "gateway"})
        (folder / "token").write_text(made["token"])
        (folder / "token").chmod(0o600)
        self.agent = start("gw", AGENT, "run", log="agent.log", env={
            "KNOCKNOC_AGENT_SERVER_URL": "http://127.0.0.1:8756",
            "KNOCKNOC_AGENT_TOKEN_FILE": str(folder / "token"),
            "KNOCKNOC_AGENT_STATE_FILE": str(folder / "agent-state.json"),
        })
        until(lambda: curl("gw", "GET", f"/api/v1/admin/agents/{made['id']}", token=self.admin)["status"] == "online")
        self.group = group = self.make("groups", {"name": "staff", "kind": "local"})["id"]
        self.knoc = self.make("knocs", {
            "name": "service", "group_ids": [group], "grant_on": "click", "duration_seconds": 3600,
            "enforcement": [{"agent_id": made["id"], "backend": {
                "type": "nftables", "guard": {"protocol": "tcp", "ports": [9000], "trial_seconds": 0}}}]})["id"]
        self.tokens = []
        for number in range(users):
            self.make("users", {"username": f"user{number}", "password": PASSWORD, "group_ids": [group]})
            self.tokens.append(self.sign_in(f"user{number}", CLIENT if number == 0 else f"10.78.0.{9 + number}"))

    def serve(self):
        self.node = start("gw", SERVER, "serve", "--listen", "0.0.0.0:8756", "--database-url", self.url, "--data-dir",
                          str(folder / "data"), log="server.log", env={
                              "KNOCKNOC_INSECURE_HTTP": "true", "KNOCKNOC_PUBLIC_URL": f"http://{GATEWAY}:8756",
                              "KNOCKNOC_LOG_LEVEL": "warning"})
        until(lambda: answers(8756))

    def remove(self, programs):
        """Leaves an empty database, and nothing in the packet filter."""
        stop(self.agent)
        stop(self.node)
        check(*inside("gw", "nft", "flush", "ruleset"))
        for command in ("dropdb", "createdb"):
            check(*inside("gw", f"{programs}/{command}", "-h", "127.0.0.1", "-U", "postgres", "knocknoc"))
        shutil.rmtree(folder / "data", ignore_errors=True)
        for file in folder.glob("agent-state.json*"):
            file.unlink()

    def make(self, kind, body):
        return curl("gw", "POST", f"/api/v1/admin/{kind}", body, self.admin)

    def sign_in(self, name, address):
        result = check(*inside(
            "cl", "curl", "-s", "--interface", address, "-H", "Content-Type: application/json", "--data-binary", "@-",
            f"http://{GATEWAY}:8756/api/v1/login"), input=json.dumps({"username": name, "password": PASSWORD}))
        return json.loads(result)["token"]
