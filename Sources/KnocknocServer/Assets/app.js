// Live updates for pages that work without this file. No state of its own: the page's HTML and the server's items.
const body = document.body;
const skew = body.dataset.now ? Date.parse(body.dataset.now) - Date.now() : 0;
const now = () => Date.now() + skew;
const csrf = body.dataset.csrf ?? "";
const say = (text) => {
  const region = document.getElementById("live");
  if (region && text) region.textContent = text;
};

// Times in the reader's own zone and language.
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const localise = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const near = Math.abs(date.getTime() - now()) < 12 * 3600e3 && date.getDate() === new Date(now()).getDate();
    time.textContent = (near ? clock : full).format(date);
    time.title = full.format(date);
  }
};

const left = (milliseconds) => {
  // Whole seconds that are still to come: never more than there were to begin with.
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const pad = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
};

// The portal's cards.
const cards = new Map([...document.querySelectorAll("[data-knoc]")].map((card) => [card.dataset.knoc, card]));

const total = (card, expires) => {
  const key = `ring ${card.dataset.knoc} ${expires}`;
  const remaining = Date.parse(expires) - now();
  let stored = 0;
  try {
    stored = Number(sessionStorage.getItem(key)) || 0;
    if (stored < remaining) sessionStorage.setItem(key, String((stored = remaining)));
  } catch {
    stored = Math.max(Number(card.dataset.total) || 0, remaining);
    card.dataset.total = String(stored);
  }
  return stored;
};

const tick = () => {
  for (const card of cards.values()) {
    const expires = card.dataset.expires;
    const ring = card.querySelector(".ring");
    const line = card.querySelector(".knoc-left");
    const counting = Boolean(expires) && ["open", "dry_run"].includes(card.dataset.state);
    ring.toggleAttribute("hidden", !counting);
    line.hidden = !expires || !["open", "dry_run", "closing"].includes(card.dataset.state);
    if (line.hidden) continue;
    const remaining = Date.parse(expires) - now();
    const time = line.querySelector("time");
    if (time.dateTime !== expires) {
      time.dateTime = expires;
      localise(line);
    }
    line.querySelector("[data-left]").textContent = counting ? `${left(remaining)} left, until ` : "at the latest ";
    if (counting) {
      const share = Math.min(1, Math.max(0, remaining / Math.max(1, total(card, expires))));
      ring.querySelector(".value").setAttribute("stroke-dashoffset", String(100 - 100 * share));
    }
  }
  const end = document.querySelector("[data-session-end]");
  if (end && Date.parse(end.dataset.sessionEnd) < now()) location.assign(location.pathname);
};

// Whoever was refused elsewhere goes back there once, when what was asked for here is open.
const back = document.querySelector("[data-return]");
let returning = Boolean(back) && new URLSearchParams(location.search).get("return") === "now";
const goBack = (item) => {
  if (!back || back.dataset.return !== item.id) return;
  back.hidden = item.state !== "open";
  if (back.hidden || !returning) return;
  returning = false;
  location.assign(back.href);
};

const show = (item) => {
  goBack(item);
  const card = cards.get(item.id);
  if (!card) return arrange();
  const changed = card.dataset.state !== item.state;
  card.dataset.state = item.state;
  card.dataset.expires = item.expires_at ?? "";
  const template = document.getElementById(`state-${item.state}`);
  if (!template) return location.reload();
  card.querySelector(".state").replaceChildren(template.content.cloneNode(true));
  card.querySelector(".knoc-text").textContent = (template.dataset.plain !== "yes" && item.reason) || template.dataset.text;
  const live = template.dataset.live === "yes";
  const focused = card.contains(document.activeElement) && document.activeElement.closest("form");
  card.querySelector("[data-grant]").hidden = template.dataset.grant !== "yes";
  card.querySelector("[data-revoke]").hidden = !live;
  const visit = card.querySelector("[data-visit]");
  if (visit) visit.hidden = item.state !== "open" && item.state !== "dry_run";
  if (focused?.hidden) card.querySelector("form:not([hidden]) button")?.focus();
  if (changed) say(`${item.name}: ${template.dataset.label}. ${item.reason || ""}`);
  tick();
};

// Cards come and go as the server's page has them; those that stay are left as they are.
let arranging = null;
const arrange = () => {
  arranging ??= (async () => {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-portal]");
    const list = document.querySelector("[data-portal] .cards");
    const wanted = new Map([...fresh.querySelectorAll("[data-knoc]")].map((card) => [card.dataset.knoc, card]));
    for (const [id, card] of cards) {
      if (wanted.has(id)) continue;
      say(`${card.querySelector("h2").textContent}: taken away`);
      card.closest("li").remove();
      cards.delete(id);
    }
    [...wanted].forEach(([id, card], index) => {
      if (!cards.has(id)) {
        const added = document.importNode(card.closest("li"), true);
        localise(added);
        cards.set(id, added.querySelector("[data-knoc]"));
        say(`${card.querySelector("h2").textContent}: new`);
      }
      const item = cards.get(id).closest("li");
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
    const empty = fresh.querySelector(".empty");
    const shown = document.querySelector("[data-portal] .empty");
    if (empty && !shown) list.before(document.importNode(empty, true));
    if (!empty) shown?.remove();
    tick();
  })()
    .catch(() => location.reload())
    .finally(() => (arranging = null));
};

// Where the reader comes from. A new address is taken by a request of its own, and never by reading.
const portal = document.querySelector("[data-portal]");
const post = (path, body) =>
  fetch(path, {
    method: "POST",
    headers: { "X-CSRF-Token": csrf, Accept: "application/json", "Content-Type": "application/json" },
    credentials: "same-origin",
    body: body ? JSON.stringify(body) : undefined,
  });

// What the page says of addresses, and of what is open for them, as the server has it now.
const renew = async () => {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  localise(fresh);
  for (const id of ["where", "moved"]) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !now || old.innerHTML === now.innerHTML || old.contains(document.activeElement)) continue;
    old.replaceChildren(...now.childNodes);
    old.hidden = now.hidden;
  }
  for (const state of fresh.querySelectorAll("template[data-label]")) {
    document.getElementById(state.id).dataset.text = state.dataset.text;
  }
  for (const card of fresh.querySelectorAll("[data-knoc]")) {
    const shown = cards.get(card.dataset.knoc);
    if (shown?.dataset.state !== card.dataset.state) continue;
    shown.querySelector(".knoc-text").textContent = card.querySelector(".knoc-text").textContent;
  }
};

// By each name that has addresses of one family only, the browser shows what it has in that family. The token says whose
// it is: no cookie goes there.
let probed = 0;
const probe = async (session) => {
  if (!portal.hasAttribute("data-probes")) return;
  const families = session.addresses.map((item) => item.address.includes(":"));
  // One of two addresses of a family would leave unless it is seen again.
  const pause = new Set(families).size < families.length ? 25e3 : 600e3;
  if (probed && Date.now() - probed < pause) return;
  probed = Date.now();
  const answer = await post("/api/v1/me/probes");
  if (!answer.ok) return;
  const { items } = await answer.json();
  const show = async ({ url, token }) => {
    const signal = AbortSignal.timeout(10e3);
    const body = JSON.stringify({ token });
    const shown = await fetch(url, { method: "POST", mode: "cors", credentials: "omit", cache: "no-store", body, signal });
    if (!shown.ok) return false;
    const { address } = await shown.json();
    return !session.addresses.some((item) => item.address === address);
  };
  const results = await Promise.allSettled(items.map(show));
  if (results.some((result) => result.value === true)) await renew();
};

let looking = null;
let last = "";
const look = () => {
  if (!portal || document.hidden) return;
  looking ??= (async () => {
    const answer = await fetch("/api/v1/me", { headers: { Accept: "application/json" } });
    if (answer.status === 401) return location.assign("/login");
    if (!answer.ok) return;
    let { session } = await answer.json();
    const change = session.address_change;
    let moved = false;
    if (change && !change.ask) {
      const taken = await post("/api/v1/me/addresses");
      const content = await taken.json().catch(() => ({}));
      if (taken.ok) {
        session = content.session;
        probed = 0;
        moved = true;
        say(`Open for ${change.address} too`);
      }
    }
    const seen = JSON.stringify([session.addresses.map((item) => item.address), session.address_change]);
    // The first time the page has just been made.
    if (moved || (last && seen !== last)) await renew();
    last = seen;
    await probe(session);
  })()
    .catch(() => {})
    .finally(() => (looking = null));
};

const complain = (text) => {
  const box = document.getElementById("problem");
  if (!box) return;
  box.querySelector("[data-text]").textContent = text;
  box.hidden = false;
  say(text);
};

const act = async (event) => {
  const form = event.target;
  const card = form.closest("[data-knoc]");
  if (!card || event.defaultPrevented) return;
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  document.getElementById("problem").hidden = true;
  if (back?.dataset.return === card.dataset.knoc) returning = form.hasAttribute("data-grant");
  try {
    const answer = await fetch(`/api/v1/me/knocs/${card.dataset.knoc}/grant?wait=3000`, {
      method: form.hasAttribute("data-grant") ? "POST" : "DELETE",
      headers: { "X-CSRF-Token": csrf, Accept: "application/json" },
      credentials: "same-origin",
    });
    if (answer.status === 401) return location.assign("/login");
    const content = await answer.json().catch(() => ({}));
    if (answer.ok) show(content);
    else complain(content.detail || content.title || `The server answered ${answer.status}. Please try again.`);
  } catch {
    complain("The server could not be reached. Check your connection and try again.");
  } finally {
    button.removeAttribute("aria-busy");
  }
};

const listen = () => {
  const source = new EventSource("/api/v1/me/events");
  source.addEventListener("knoc", (event) => {
    try {
      show(JSON.parse(event.data));
    } catch {
      location.reload();
    }
  });
  source.addEventListener("gone", arrange);
  // A connection that had to be made anew may come from elsewhere.
  source.addEventListener("open", look);
  source.addEventListener("error", () => {
    // The browser retries by itself, except where the answer was an error: then the session has ended or is unknown.
    if (source.readyState === EventSource.CLOSED) setTimeout(check, 2000);
  });
};

const check = async () => {
  try {
    const answer = await fetch("/api/v1/me", { headers: { Accept: "application/json" } });
    if (answer.status === 401) location.assign("/login");
    else listen();
  } catch {
    setTimeout(check, 3000);
  }
};

// An agent is asked in place; the answer stands on its button while that has the focus.
const ping = async (event) => {
  const form = event.target.closest("form[data-ping]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  let text = "No server";
  try {
    const answer = await fetch(`/api/v1/admin/agents/${form.dataset.ping}/ping`, {
      method: "POST",
      headers: { "X-CSRF-Token": csrf, Accept: "application/json" },
      credentials: "same-origin",
    });
    if (answer.status === 401) return location.assign("/admin/login");
    const content = await answer.json().catch(() => ({}));
    text = answer.ok ? `${content.reply} · ${Math.max(1, Math.round(content.round_trip_ms))} ms` : content.title;
    button.title = answer.ok ? `via ${content.via}` : content.detail;
    say(answer.ok ? `${text} via ${content.via}` : content.detail);
  } catch {
    say("The server could not be reached.");
  } finally {
    button.removeAttribute("aria-busy");
  }
  button.firstElementChild.textContent = text;
};
document.addEventListener("submit", ping);

// Lists of the administration that change by themselves are fetched again while they are looked at.
const refresh = async (region) => {
  if (document.hidden || region.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(region.id);
    if (!fresh || region.contains(document.activeElement) || region.querySelector("details[open]")) return;
    localise(fresh);
    if (fresh.innerHTML !== region.innerHTML) region.replaceChildren(...fresh.childNodes);
  } catch {
    // The next round tries again.
  }
};

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    button.textContent = "Copied";
    say("Copied");
  });
}

// A new agent's texts have the lines of the chosen backend.
const backend = document.getElementById("f-backend");
const choose = () => {
  for (const lines of document.querySelectorAll("[data-with]")) lines.hidden = lines.dataset.with !== backend.value;
};
if (backend) {
  backend.addEventListener("change", choose);
  choose();
}

// The one-time code of the first administrator travels behind the #, which browsers send to nobody.
const code = document.querySelector("[data-from-fragment]");
if (code && location.hash.length > 1) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  document.querySelector("input[name=name]")?.focus();
}

document.querySelector("[aria-invalid=true]")?.focus();
const side = document.querySelector(".side");
const current = side?.querySelector("[aria-current]");
if (current && side.scrollWidth > side.clientWidth) side.scrollLeft = current.offsetLeft - 48;
localise(document);
if (cards.size > 0 || document.querySelector("[data-portal]")) {
  document.addEventListener("submit", act);
  setInterval(tick, 1000);
  tick();
  listen();
  setInterval(look, 30e3);
  addEventListener("online", look);
  document.addEventListener("visibilitychange", look);
}
for (const region of document.querySelectorAll("[data-refresh]")) setInterval(() => refresh(region), 3000);
