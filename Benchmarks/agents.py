"""What agents cost: many of them on one node, many entries on one of them, and grants while a commit takes 3 ms."""
import concurrent.futures, hashlib, http.client, os, pathlib, secrets, subprocess, sys, time

import lab

HERE = pathlib.Path(__file__).resolve().parent
CROWD = int(os.environ.get("KNOCKNOC_BENCH_AGENTS", "10000"))
ENTRIES = int(os.environ.get("KNOCKNOC_BENCH_ENTRIES", "100000"))


def psql(programs, sql, database="knocknoc"):
    return lab.check(*lab.inside("gw", f"{programs}/psql", "-h", "127.0.0.1", "-U", "postgres", "-qAtX", "-v",
                                 "ON_ERROR_STOP=1", database), input=sql).strip()


def enrol(programs, count, name="crowd"):
    """Agents as an administrator would have made them, all at once; returns their tokens."""
    tokens = ["kna_" + secrets.token_hex(13) for _ in range(count)]
    rows = ",".join(f"({number}, decode('{hashlib.sha256(token.encode()).hexdigest()}', 'hex'))"
                    for number, token in enumerate(tokens))
    psql(programs, f"""
        set search_path = knocknoc;
        insert into agents (id, name, name_key, token_hash, change_id, created_at, updated_at)
            select gen_random_uuid()::text, '{name}' || n, '{name}' || n, hash, 'seeded', knocknoc_now(), knocknoc_now()
            from (values {rows}) as made (n, hash);
        analyze;""")
    return tokens


def rollup(process):
    for line in pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1])


def processor(process):
    """Seconds that a process has used, its kernel's part included."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Crowd:
    def __init__(self, tokens, ports="8756"):
        file = lab.folder / "crowd-tokens"
        file.write_text("\n".join(tokens))
        file.chmod(0o600)
        self.process = lab.start("gw", sys.executable, str(HERE / "crowd.py"), str(file), ports, log="crowd.log",
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]


def herd(site, programs, figures):
    """Links of a crowd: what each takes, what heartbeats cost, and how long all need to be back."""
    tokens = enrol(programs, CROWD, "herd")
    before = rollup(site.node)
    crowd = Crowd(tokens)
    linked, took = crowd.ask("all 300")
    figures.put(f"{CROWD:,} agents: linked", f"{linked:,}", "", f"after {took / 1000:.0f} s from nothing")
    time.sleep(20)
    figures.put("a linked agent, in its node: anonymous", f"{(rollup(site.node) - before) / max(1, linked):.1f}", "",
                "KiB, target ≤ 24")
    begun, used = time.monotonic(), processor(site.node)
    time.sleep(20)
    spent = (processor(site.node) - used) / (time.monotonic() - begun)
    figures.put("heartbeats of all, every 5 s: of one core", f"{spent * 100:.0f} %", "",
                f"{spent * 5e6 / max(1, linked):.0f} µs for each")
    lab.stop(site.node, 9)
    crowd.ask("gone")
    site.serve()
    linked, took = crowd.ask("all 120")
    figures.put("node killed → all agents back", f"{took / 1000:.1f}" if linked == CROWD else "never", "",
                "s, target ≤ 30")
    lab.stop(crowd.process)


def table():
    return subprocess.run(lab.inside("gw", "nft", "list", "table", "inet", "knocknoc"), text=True,
                          capture_output=True).stdout


def load(site, programs, count):
    """Has the agent told everything anew, and waits until its kernel has it."""
    agent = psql(programs, "select agent_id from knocknoc.targets t join knocknoc.knoc_targets k on k.target_id = t.id "
                 f"where k.knoc_id = '{site.knoc}'")
    lab.curl("gw", "POST", f"/api/v1/admin/agents/{agent}/resync", {}, site.admin)
    lab.until(lambda: table().count(" expires ") >= count, 120)


def rest(process, limit=120):
    """Until a process has done hardly anything for a second."""
    end, used = time.monotonic() + limit, -1.0
    while processor(process) - used > 0.05 and time.monotonic() < end:
        used = processor(process)
        time.sleep(1)


def flushed(site, figures):
    """Everything after somebody's flush of the ruleset, until a sample over all of it is there again."""
    name = next(line.split()[1] for line in table().splitlines()
                if line.strip().startswith("set g4_"))
    sample = [f"10.{128 + n // 65536}.{n // 256 % 256}.{n % 256}" for n in range(1, ENTRIES, max(1, ENTRIES // 50))]
    want = "{ " + ", ".join(sample) + " }"
    values = []
    for _ in range(5):
        # What follows a repair, a look at all of it, is over.
        rest(site.agent)
        begun = time.monotonic()
        lab.check(*lab.inside("gw", "nft", "flush", "ruleset"))
        while subprocess.run(lab.inside("gw", "nft", "get", "element", "inet", "knocknoc", name, want),
                             capture_output=True).returncode:
            if time.monotonic() > begun + 120:
                raise SystemExit("the entries did not come back")
        values.append((time.monotonic() - begun) * 1e3)
    figures.series(f"{ENTRIES:,} entries re-applied after a flush", values)


def commits(site, programs, figures):
    """Grants while each commit waits 3 ms, as for a synchronous standby: on one agent, and spread over a thousand."""
    sessions = []
    for number in range(1, len(site.tokens)):
        address = f"10.78.0.{9 + number}"
        sessions += [(site.sign_in(f"user{number}", address), address) for _ in range(2)]
    tokens = enrol(programs, 1000)
    ids = psql(programs, "select id from knocknoc.agents where name like 'crowd%' order by name limit 1000").split()
    knocs = [site.make("knocs", {
        "name": f"spread {number}", "group_ids": [site.group], "grant_on": "click", "duration_seconds": 3600,
        "enforcement": [{"agent_id": agent, "backend": {"type": "dry-run"}}]})["id"]
        for number, agent in enumerate(ids)]
    for name, value in (("commit_delay", 3000), ("commit_siblings", 0)):
        psql(programs, f"alter system set {name} = {value}", "postgres")
    psql(programs, "select pg_reload_conf()", "postgres")
    crowd = Crowd(tokens)
    crowd.ask("all 120")
    file = lab.folder / "paths"
    for name, chosen in (("on one agent", [site.knoc] * len(sessions)), ("spread over 1,000 agents", knocs)):
        share = max(1, len(chosen) // len(sessions))
        file.write_text("\n".join(" ".join([token, address] + chosen[n * share:(n + 1) * share])
                                  for n, (token, address) in enumerate(sessions)))
        file.chmod(0o600)
        done = lab.check(*lab.inside("cl", sys.executable, str(HERE / "agents.py"), str(file)))
        figures.rate(f"grants while a commit takes 3 ms, {name}", float(done))
    lab.stop(crowd.process)
    for name in ("commit_delay", "commit_siblings"):
        psql(programs, f"alter system reset {name}", "postgres")
    psql(programs, "select pg_reload_conf()", "postgres")


def rate(paths, seconds=8):
    """Grants and revokes by turns, a connection for each session (TOKEN ADDRESS KNOC…); grants in a second."""
    end = time.monotonic() + seconds

    def person(token, address, *knocs):
        connection = http.client.HTTPConnection(lab.GATEWAY, 8756, source_address=(address, 0))
        count = 0
        while time.monotonic() < end:
            for knoc in knocs:
                for method in ("POST", "DELETE"):
                    connection.request(method, f"/api/v1/me/knocs/{knoc}/grant",
                                       headers={"Authorization": "Bearer " + token})
                    answer = connection.getresponse()
                    answer.read()
                    count += method == "POST" and answer.status in (200, 202)
        return count

    with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
        return sum(pool.map(lambda path: person(*path), paths)) / seconds


if __name__ == "__main__":
    print(rate([line.split() for line in open(sys.argv[1])]))
