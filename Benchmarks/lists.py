"""An allow list of 10,000 lines, from a web node and, byte for byte, from nginx."""
import base64, pathlib, re, subprocess

import lab

LINES = 10_000
PORT = 8780


def wrk(url, headers, status):
    """Requests per second on one connection thread and sixteen connections; every answer has to have the status."""
    script = lab.folder / "lists.lua"
    fields = "".join(f'wrk.headers["{name}"] = {value!r}\n' for name, value in headers.items())
    script.write_text(fields + f"""
bad = 0
function response(status) if status ~= {status} then bad = bad + 1 end end
function done(summary, latency, requests) end
""")
    script.chmod(0o600)
    probe = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--config", "-", url]
    lines = "".join(f'header = "{name}: {value}"\n'.replace('"\\"', '"') for name, value in
                    ((n, v.replace('"', '\\"')) for n, v in headers.items()))
    code = subprocess.run(lab.inside("gw", *probe), input=lines, text=True, capture_output=True).stdout
    if code != str(status):
        raise SystemExit(f"bench: {url} answered {code}, not {status}")
    text = lab.check(*lab.inside("gw", "wrk", "-t1", "-c16", "-d5s", "-s", str(script), url))
    if status == 200 and "Non-2xx" in text:
        raise SystemExit(f"bench: {url} did not answer {status} each time:\n{text}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1))


def seed(programs, knoc):
    """Live grants of one person from as many addresses as the list is to have lines, as if just made. What no grant
    stands behind would be swept away."""
    sql = f"""
        set search_path = knocknoc;
        create temp table lines as
            select gen_random_uuid()::text as grant_id, gen_random_uuid()::text as entry_id,
                   gen_random_uuid()::text as session_id, t.target_id, g.agent_id, knocknoc_now() as now,
                   (select id from users where name = 'user1') as user_id,
                   case when n % 4 = 0 then '2001:db8::' || to_hex(1 + n / 65536) || ':' || to_hex(1 + n % 65535)
                        else '10.' || (64 + n / 65536) || '.' || (n / 256 % 256) || '.' || (n % 256) end as address
            from generate_series(1, {LINES}) n
            cross join knoc_targets t join targets g on g.id = t.target_id where t.knoc_id = '{knoc}';
        insert into sessions (id, user_id, token_hash, address, created_at, expires_at, last_seen_at)
            select session_id, user_id, decode(replace(grant_id || entry_id, '-', ''), 'hex'), address, now,
                   now + 3600000000, now from lines;
        insert into grants (id, user_id, session_id, knoc_id, address, origin, state, created_at, expires_at)
            select grant_id, user_id, session_id, '{knoc}', address, 'click', 'live', now, now + 3600000000 from lines;
        insert into entries (id, target_id, address, expires_at)
            select entry_id, target_id, address, now + 3600000000 from lines;
        insert into enforcements (entry_id, agent_id, wanted, revision, applied_revision, outcome, changed_at)
            select entry_id, agent_id, 1, 0, 0, 'applied', now from lines;
        insert into grant_entries (grant_id, entry_id) select grant_id, entry_id from lines;
        analyze;
        """
    psql = lab.inside("gw", f"{programs}/psql", "-h", "127.0.0.1", "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1",
                      "knocknoc")
    lab.check(*psql, input=sql)


def nginx(body):
    root = lab.folder / "nginx"
    root.mkdir()
    (root / "list.txt").write_bytes(body)
    config = root / "nginx.conf"
    config.write_text(f"""
daemon off; user root; worker_processes auto; pid {root}/pid; error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type text/plain;
  client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u;
  scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{PORT}; root {root}; }}
}}
""")
    process = lab.start("gw", "nginx", "-c", str(config), log="nginx.log")
    lab.until(lambda: subprocess.run(
        lab.inside("gw", "curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{PORT}/list.txt")).returncode == 0)
    return process


def fetch(url, *fields):
    """Body and head of one answer."""
    head = lab.folder / "head"
    lines = "".join(f'header = "{field}"\n' for field in fields)
    body = subprocess.run(lab.inside("gw", "curl", "-sf", "--dump-header", str(head), "--config", "-", url), input=lines.encode(),
                          capture_output=True, check=True).stdout
    tags = re.findall(r"(?im)^etag:\s*(\S+)", pathlib.Path(head).read_text())
    return body, tags[-1] if tags else None


def measure(site, programs, figures):
    knoc = site.make("knocs", {"name": "list", "group_ids": [site.group], "grant_on": "click",
                               "enforcement": [{"backend": {"type": "allow_list"}}]})
    key = site.make("api-keys", {
        "name": "bench", "scopes": ["allowlists.read"], "networks": ["127.0.0.0/8"]})["secret"]
    seed(programs, knoc["id"])
    # Rows that came by another way: what is cached is not the list any more.
    site.make("api-keys", {"name": "other", "scopes": ["allowlists.read"], "networks": ["127.0.0.0/8"]})
    ours = f"http://127.0.0.1:8756/edl/{knoc['allow_list_id']}.txt"
    basic = "Basic " + base64.b64encode(f"any:{key}".encode()).decode()
    body, tag = fetch(ours, f"Authorization: {basic}")
    count = sum(not line.startswith(b"#") for line in body.splitlines())
    if count != LINES:
        raise SystemExit(f"bench: the list has {count} lines, not {LINES}")
    process = nginx(body)
    theirs = f"http://127.0.0.1:{PORT}/list.txt"
    same, other = fetch(theirs)
    if same != body:
        raise SystemExit("bench: nginx serves other bytes")
    auth = {"Authorization": basic}
    wrk(ours, auth, 200)
    wrk(theirs, {}, 200)
    values = {name: [] for name in ("nginx", "ours", "nginx 304", "ours 304")}
    # By turns, so that neither has the quieter half of the run.
    for _ in range(3):
        values["nginx"].append(wrk(theirs, {}, 200))
        values["ours"].append(wrk(ours, auth, 200))
        values["nginx 304"].append(wrk(theirs, {"If-None-Match": other}, 304))
        values["ours 304"].append(wrk(ours, {**auth, "If-None-Match": tag}, 304))
    lab.stop(process)
    best = {name: sorted(rates)[1] for name, rates in values.items()}
    figures.rate(f"allow list of 10,000 lines ({len(body) // 1024} KiB): nginx, a file", best["nginx"])
    figures.rate("the same from a web node: key and list checked in the database", best["ours"])
    figures.put("a web node over nginx", f"{best['ours'] / best['nginx']:.2f}", "", "target ≥ 0.5")
    figures.rate("304 from nginx", best["nginx 304"])
    figures.rate("304 from a web node", best["ours 304"])
