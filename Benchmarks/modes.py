"""Memory of each way to run Knocknoc, idle and after 100 sign-ins; writes the table of docs/deployment-modes.md.

usage: modes.py      (`./dev bench modes` starts it)
"""
import json, os, pathlib, platform, re, sys, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import lab

PAGE = HERE.parent / "docs/deployment-modes.md"
PEOPLE = 100
# More than one round of what a node and an agent do in the background.
SETTLE = 8


def family(pid):
    """A process and all that it started."""
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        children += (task / "children").read_text().split()
    return [int(pid)] + [one for child in children for one in family(child)]


def share(pid):
    """What these processes have in memory, shared pages divided among those that share them; MiB."""
    total = 0
    for one in family(pid):
        text = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s*(\d+)", text, re.M).group(1))
    return total / 1024


def serve(name, port, *arguments):
    process = lab.start(
        "gw", lab.SERVER, "serve", "--listen", f"0.0.0.0:{port}", "--data-dir", str(lab.folder / name), *arguments,
        log=f"{name}.log", env={
            "KNOCKNOC_INSECURE_HTTP": "true", "KNOCKNOC_PUBLIC_URL": f"http://{lab.GATEWAY}:{port}",
            "KNOCKNOC_NODE_NAME": name, "KNOCKNOC_LOG_LEVEL": "warning"})
    lab.until(lambda: lab.answers(port))
    return process


def administer(port, *place):
    lab.check(*lab.inside("gw", str(lab.knocker()), "create-admin", "root", "--password-stdin", *place),
              input=lab.PASSWORD + "\n")
    return lab.curl("gw", "POST", "/api/v1/admin/login", {"username": "root", "password": lab.PASSWORD}, port=port)["token"]


def enroll(admin, port):
    made = lab.curl("gw", "POST", "/api/v1/admin/agents", {"name": "gateway"}, admin, port)
    token = lab.folder / f"token-{port}"
    token.write_text(made["token"])
    token.chmod(0o600)
    agent = lab.start("gw", lab.AGENT, "run", log="agent.log", env={
        "KNOCKNOC_AGENT_SERVER_URL": f"http://127.0.0.1:{port}", "KNOCKNOC_AGENT_TOKEN_FILE": str(token),
        "KNOCKNOC_AGENT_STATE_FILE": str(lab.folder / f"agent-{port}" / "state.json"),
        "KNOCKNOC_AGENT_HEALTH_LISTEN": "none"})
    lab.until(lambda: lab.curl("gw", "GET", f"/api/v1/admin/agents/{made['id']}", token=admin, port=port)["status"]
              == "online")
    return agent


def measured(parts, admin, ports):
    """Each part's memory idle, then after the sign-ins, which take the ports by turns."""
    time.sleep(SETTLE)
    idle = {name: share(process.pid) for name, process in parts.items()}
    for number in range(PEOPLE):
        port = ports[number % len(ports)]
        person = {"username": f"person{number}", "password": lab.PASSWORD}
        lab.curl("gw", "POST", "/api/v1/admin/users", person, admin, ports[0])
        lab.curl("gw", "POST", "/api/v1/login", person, port=port)
    time.sleep(SETTLE)
    return {name: (idle[name], share(process.pid)) for name, process in parts.items()}


def row(mode, figures):
    cells = [f"{sum(pair[column] for pair in figures.values()):.0f}" for column in (0, 1)]
    parts = ", ".join(f"{name} {one:.0f} → {other:.0f}" for name, (one, other) in figures.items())
    print(f"    {mode}: {cells[0]} MiB idle, {cells[1]} MiB after {PEOPLE} sign-ins ({parts})", flush=True)
    return f"| {mode} | {cells[0]} | {cells[1]} | {parts} |"


def all_in_one():
    node = serve("all-in-one", 8756, "--all-in-one")
    admin = administer(8756, "--data-dir", str(lab.folder / "all-in-one"))
    figures = measured({"server with its agent": node}, admin, [8756])
    lab.stop(node)
    return row("all-in-one, SQLite", figures)


def sqlite():
    node = serve("sqlite", 8756, "--database-url", f"sqlite://{lab.folder}/sqlite/site.db")
    admin = administer(8756, "--database-url", f"sqlite://{lab.folder}/sqlite/site.db")
    agent = enroll(admin, 8756)
    figures = measured({"server": node, "agent": agent}, admin, [8756])
    for process in (agent, node):
        lab.stop(process)
    return row("SQLite and an agent elsewhere", figures)


def nodes(count, mode, url, database):
    ports = [8756 + number for number in range(count)]
    running = {f"web-{port - 8755}": serve(f"web-{count}-{port - 8755}", port, "--database-url", url) for port in ports}
    admin = administer(8756, "--database-url", url)
    parts = {**running, "agent": enroll(admin, 8756), "PostgreSQL": database}
    if count > 1:
        parts["HAProxy"] = balancer(ports)
    figures = measured(parts, admin, ports)
    for name, process in parts.items():
        if name != "PostgreSQL":
            lab.stop(process)
    return row(mode, figures)


def balancer(ports):
    """HAProxy with what `knocknoc scaffold --haproxy` prints, before these nodes."""
    root = lab.folder / "haproxy"
    for name in ("run/haproxy", "opt/knocknoc/etc/tls", "etc/haproxy/knocknoc", "var/lib/haproxy/knocknoc"):
        (root / name).mkdir(parents=True)
    lab.check("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
              "2", "-subj", "/CN=x", "-keyout", str(root / "key"), "-out", str(root / "cert"))
    pem = (root / "cert").read_text()
    (root / "opt/knocknoc/etc/tls/haproxy.pem").write_text(pem + (root / "key").read_text())
    for name in ("web-1", "web-2"):
        (root / f"etc/haproxy/knocknoc/node-{name}.pem").write_text(pem)
    (root / "etc/haproxy/knocknoc/unavailable.html").write_text("page\n")
    for name in ("pages", "links"):
        (root / f"var/lib/haproxy/knocknoc/knocknoc_{name}.state").write_text("1\n")
    text = lab.check(lab.SERVER, "scaffold", "--haproxy", "--root", str(root))
    # It drops its rights for a user that the measurement need not have.
    text = "\n".join(line for line in text.splitlines() if line.split()[:1] not in (["user"], ["group"], ["chroot"]))
    (root / "haproxy.cfg").write_text(text + "\n")
    return lab.start("gw", "haproxy", "-W", "-f", str(root / "haproxy.cfg"), log="haproxy.log")


def write(rows):
    text = PAGE.read_text()
    begin, end = "<!-- written by ./dev bench modes -->\n", "<!-- end -->\n"
    head, rest = text.split(begin, 1)
    tail = rest.split(end, 1)[1]
    machine = f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, {time.strftime('%Y-%m-%d')}; release build."
    table = "\n".join(["| mode | idle, MiB | after 100 sign-ins, MiB | of which |", "|---|---|---|---|"] + rows)
    PAGE.write_text(f"{head}{begin}\n{machine}\n\n{table}\n\n{end}{tail}")
    print(f"Written to {PAGE.relative_to(HERE.parent)}.")


lab.hosts()
rows = [all_in_one(), sqlite()]
database, url, programs = lab.cluster()
rows.append(nodes(1, "one web node with its PostgreSQL", url, database))
lab.check(*lab.inside("gw", f"{programs}/createdb", "-h", "127.0.0.1", "-U", "postgres", "three"))
rows.append(nodes(3, "three web nodes, PostgreSQL, HAProxy", url.replace("/knocknoc", "/three"), database))
write(rows)
