"""Measures Knocknoc against its peers and its floor in one run; `./dev bench` starts it.

usage: bench.py [click] [floor] [checks] [memory] [start] [entries] [lists] [herd] [commits]      (nothing: all of them)
"""
import math, os, pathlib, re, shutil, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import agents, lab, lists, peers, report

ALL = ("click", "floor", "checks", "memory", "start", "entries", "lists", "herd", "commits")
names = sys.argv[1:] or list(ALL)
for name in names:
    if name not in ALL:
        sys.exit(f"bench: there is no \"{name}\"; expected some of: {' '.join(ALL)}")

rounds = int(os.environ.get("KNOCKNOC_BENCH_ROUNDS", "60"))
figures = report.Figures()


def prober(*arguments, count=None):
    """Runs the prober on the client; a list of columns."""
    lines = lab.check(*lab.inside("cl", sys.executable, str(HERE / "prober.py"), str(count or rounds), *arguments))
    rows = [[float(word) for word in line.split()] for line in lines.splitlines()]
    lost = sum(any(math.isnan(value) for value in row) for row in rows)
    if lost:
        print(f"    {lost} of {len(rows)} rounds never opened or closed")
    columns = list(zip(*[row for row in rows if not any(math.isnan(value) for value in row)]))
    if not columns:
        raise SystemExit("no round of the prober came to an end")
    return columns


def click(site):
    token = lab.folder / "user-token"
    token.write_text(site.tokens[0])
    tokens = lab.folder / "load-tokens"
    tokens.write_text("\n".join(site.tokens[1:]))
    for file in (token, tokens):
        file.chmod(0o600)
    quiet = prober("knocknoc", site.knoc, str(token), count=rounds * 2)
    load = lab.start("cl", sys.executable, str(HERE / "load.py"), site.knoc, str(tokens), "100", log="load.log")
    time.sleep(2)
    busy = prober("knocknoc", site.knoc, str(token), count=rounds * 2)
    lab.stop(load)
    figures.series("click → SYN accepted, kept connection", quiet[0])
    figures.series("click → SYN accepted, beside 100 grants/s", busy[0])
    figures.series("revoke → SYN refused", quiet[1])
    figures.series("revoke → SYN refused, beside 100 grants/s", busy[1])
    figures.series("revoke → last byte on the established connection", quiet[2])
    config = lab.folder / "knock.curl"
    config.write_text(
        f'url = "http://{lab.GATEWAY}:8756/api/v1/me/knocs/{site.knoc}/grant"\nrequest = "POST"\nsilent\n'
        f'header = "Authorization: Bearer {site.tokens[0]}"\noutput = "/dev/null"\n')
    config.chmod(0o600)
    revoke = lab.folder / "revoke.curl"
    revoke.write_text(config.read_text().replace('"POST"', '"DELETE"').replace("/grant\"", "/grant?wait=5000\""))
    revoke.chmod(0o600)
    ours = prober("process", f"{' '.join(lab.inside('cl'))} curl --config {revoke}", "curl", "--config", str(config))
    figures.series("a client process per knock: Knocknoc (curl)", ours[0])


def rivals():
    figures.series("a client process per knock: knockd", peers.knockd(prober)[0])
    figures.series("a client process per knock: fwknop", peers.fwknop(prober)[0])
    figures.series("the prober alone, on an open port", prober("alone")[0])


def floor(url):
    binary = lab.folder / "floor"
    flags = lab.check("pkg-config", "--cflags", "--libs", "libpq", "libnftables").split()
    compiler = next((c for c in ("cc", "clang", "gcc") if shutil.which(c)), None)
    if not compiler:
        sys.exit("bench: no C compiler in PATH; expected cc, clang or gcc")
    lab.check(compiler, "-O2", "-o", str(binary), str(HERE / "floor.c"), *flags)
    rows = {"commit": "floor: one commit with notify", "nft": "floor: one nftables transaction",
            "bulk": f"floor: {agents.ENTRIES:,} elements by libnftables, 5,000 a transaction"}
    for line in lab.check(*lab.inside("gw", str(binary), url, "300", str(agents.ENTRIES))).splitlines():
        name, median, p99 = line.split()
        figures.put(rows[name], f"{float(median):.2f}", f"{float(p99):.2f}", "ms")
        figures.values[name] = float(median)


def wrk(path, token=None):
    script = lab.folder / "wrk.lua"
    script.write_text(f'wrk.headers["Authorization"] = "Bearer {token}"\n' if token else "")
    script.chmod(0o600)
    text = lab.check(*lab.inside("gw", "wrk", "-t1", "-c16", "-d5s", "-s", str(script), f"http://127.0.0.1:8756{path}"))
    if "Non-2xx" in text:
        sys.exit(f"bench: {path} did not answer 200:\n{text}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1))


def checks(site, programs):
    wrk("/livez")
    live = wrk("/livez")
    state = wrk("/api/v1/me/knocs", site.tokens[0])
    bench = lab.inside("gw", f"{programs}/pgbench", "-h", "127.0.0.1", "-U", "postgres")
    lab.check(*bench[:4], f"{programs}/createdb", "-h", "127.0.0.1", "-U", "postgres", "bench")
    lab.check(*bench, "-i", "-q", "-s", "10", "bench")
    text = lab.check(*bench, "-S", "-M", "prepared", "-c", "8", "-j", "1", "-T", "5", "bench")
    selects = float(re.search(r"tps = ([\d.]+)", text).group(1))
    bound = 1 / (1 / live + 1 / selects)
    figures.rate("a: bare /livez", live)
    figures.rate("b: pgbench, prepared select, 8 clients", selects)
    figures.rate("session and Knoc state (GET /me/knocs)", state)
    figures.put("the same over 1/(1/a + 1/b)", f"{state / bound:.2f}", "", "target ≥ 0.6")


def seed(programs, knoc, first, last):
    """Live grants of other people, each of a session of its own, with what belongs to them, as if confirmed."""
    sql = f"""
        set search_path = knocknoc;
        create temp table made as
            select gen_random_uuid()::text as grant_id, gen_random_uuid()::text as entry_id,
                   gen_random_uuid()::text as session_id, p.id as user_id, t.knoc_id, t.target_id, g.agent_id,
                   '10.' || (128 + n / 65536) || '.' || (n / 256 % 256) || '.' || (n % 256) as address,
                   knocknoc_now() as now
            from generate_series({first}, {last}) n
            join (select id, row_number() over (order by name) as number from users where name <> 'user0') p
                on p.number = 1 + n % 49
            cross join knoc_targets t join targets g on g.id = t.target_id where t.knoc_id = '{knoc}';
        insert into sessions (id, user_id, token_hash, address, created_at, expires_at, last_seen_at)
            select session_id, user_id, decode(replace(grant_id || entry_id, '-', ''), 'hex'), address, now,
                   now + 3600000000, now from made;
        insert into grants (id, user_id, session_id, knoc_id, address, origin, state, created_at, expires_at)
            select grant_id, user_id, session_id, knoc_id, address, 'click', 'live', now, now + 3600000000 from made;
        insert into entries (id, target_id, address, expires_at)
            select entry_id, target_id, address, now + 3600000000 from made;
        insert into enforcements (entry_id, agent_id, wanted, revision, applied_revision, outcome, changed_at)
            select entry_id, agent_id, 1, 1, 1, 'applied', now from made;
        insert into grant_entries (grant_id, entry_id) select grant_id, entry_id from made;
        """
    psql = lab.inside("gw", f"{programs}/psql", "-h", "127.0.0.1", "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1",
                      "knocknoc")
    lab.check(*psql, input=sql)
    lab.check(*psql, input="analyze;")


def live(site, programs):
    """The state check, and clicks, beside a thousand and beside a hundred thousand live grants of other people."""
    token = lab.folder / "user-token"
    token.write_text(site.tokens[0])
    token.chmod(0o600)
    rates, seeded = [], 0
    for count in (1_000, agents.ENTRIES):
        seed(programs, site.knoc, seeded + 1, count)
        seeded = count
        if "checks" in names:
            rates.append(wrk("/api/v1/me/knocs", site.tokens[0]))
            figures.rate(f"the same beside {count:,} live grants", rates[-1])
        if "entries" in names:
            agents.load(site, programs, count)
            columns = prober("knocknoc", site.knoc, str(token), count=rounds * 2)
            figures.series(f"click → SYN accepted, beside {count:,} live entries", columns[0])
            figures.series(f"revoke → SYN refused, beside {count:,} live entries", columns[1])
    if rates:
        figures.put("slower by", f"{max(0, (1 - rates[1] / rates[0]) * 100):.0f} %", "", "target ≤ 10 %")
    if "entries" in names:
        agents.flushed(site, figures)


def rollup(process):
    values = {}
    for line in pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value = line.split()[:2]
        values[key.rstrip(":")] = int(value) / 1024
    return values["Rss"], values["Anonymous"]


def memory(site):
    time.sleep(6)
    for name, process, target in (("web node", site.node, "≤ 40 and ≤ 8"), ("agent", site.agent, "≤ 16 and ≤ 4")):
        resident, anonymous = rollup(process)
        figures.put(f"{name}, idle: resident, anonymous", f"{resident:.1f}", f"{anonymous:.1f}", f"MiB, target {target}")


def starts(site):
    values = []
    probe = "import socket,sys,time\n" \
        "while True:\n" \
        "    s = socket.socket()\n" \
        "    try:\n" \
        "        s.connect(('127.0.0.1', 8756)); s.sendall(b'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\n" \
        "Connection: close\\r\\n\\r\\n')\n" \
        "        if s.recv(64).startswith(b'HTTP/1.1 200'): print(time.monotonic()); break\n" \
        "    except OSError: time.sleep(0.001)\n" \
        "    finally: s.close()\n"
    for _ in range(10):
        lab.stop(site.node)
        waiting = subprocess.Popen(lab.inside("gw", sys.executable, "-c", probe), stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)
        begun = time.monotonic()
        site.serve()
        values.append((float(waiting.communicate()[0]) - begun) * 1e3)
    figures.series("start → first answer, existing database", values)


lab.hosts()
url, programs = lab.postgres()
service = lab.start("gw", sys.executable, str(HERE / "service.py"), log="service.log")
if set(names) & {"memory", "click", "start", "checks", "entries"}:
    site = lab.Site(url)
    if "memory" in names:
        memory(site)
    if "click" in names:
        click(site)
    if "start" in names:
        starts(site)
    if "checks" in names:
        checks(site, programs)
    if set(names) & {"checks", "entries"}:
        live(site, programs)
    site.remove(programs)
# On another site: what the parts above leave in the database is none of these parts' business.
if set(names) & {"lists", "herd", "commits"}:
    site = lab.Site(url)
    if "lists" in names:
        lists.measure(site, programs, figures)
    if "herd" in names:
        agents.herd(site, programs, figures)
    if "commits" in names:
        agents.commits(site, programs, figures)
    site.remove(programs)
if "floor" in names:
    floor(url)
if "click" in names:
    rivals()
figures.finish(names, rounds, write=set(names) == set(ALL))
