// The live feed: the list once, then every change by Server-Sent Events. Text nodes only.
import { languageTag, say, switchLanguage } from "/words.js";

const LIST_LIMIT = 200; // incidents held by the page; the oldest closed ones leave first
const SILENCE_MS = 25000; // the service says something every 10 s: after this the link is dead
const RETRY_MS = 2000;
const STATUS_MS = 3000;
const URGENCY = ["extreme", "severe", "moderate", "minor"];
const STATES = ["new", "dispatched", "closed"];

const incidents = new Map();
const link = { state: "connecting", since: null, heardAt: 0 };
let source = null;
let cursor = null;
let estate = null;
let drawing = false;
let loadFailed = false;

const $ = (id) => document.getElementById(id);

function element(tag, className, text, title) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  if (title) made.title = title;
  return made;
}

// ---- times

function clock(moment) {
  const time = moment.toLocaleTimeString(languageTag(), { hour12: false });
  if (moment.toDateString() === new Date().toDateString()) return time;
  const day = moment.toLocaleDateString(languageTag(), { month: "2-digit", day: "2-digit" });
  return `${day} ${time}`;
}

function duration(milliseconds) {
  const s = Math.max(0, Math.floor(milliseconds / 1000));
  if (s < 60) return say("second", s);
  if (s < 3600) return say("minute", Math.floor(s / 60), s % 60);
  if (s < 86400) return say("hour", Math.floor(s / 3600), Math.floor((s % 3600) / 60));
  return say("day", Math.floor(s / 86400), Math.floor((s % 86400) / 3600));
}

function timeElement(iso) {
  const made = element("time", "", clock(new Date(iso)), `UTC ${iso}`);
  made.dateTime = iso;
  return made;
}

// ---- drawing

function byUrgency(a, b) {
  return (
    STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
    (a.state === "closed" ? 0 : URGENCY.indexOf(a.severity) - URGENCY.indexOf(b.severity)) ||
    b.first_seen_at.localeCompare(a.first_seen_at) ||
    a.incident_id.localeCompare(b.incident_id)
  );
}

function orderWords(incident) {
  if (incident.orders.length === 0) return say("noOrder");
  const order = incident.orders.at(-1);
  if (!order.sent_at) return say("orderWaiting");
  return say("orderSent", clock(new Date(order.sent_at)));
}

function hazardWords(incident) {
  const name = say(`hazard.${incident.hazard}`);
  const fault = incident.detail && incident.detail.fault;
  return fault ? `${name} · ${say(`fault.${fault}`)}` : name;
}

function labelled(label, value) {
  const made = element("p", "field");
  made.append(element("span", "label", label), " ", value);
  return made;
}

function what(incident) {
  const made = element("div", "what");
  const badges = element("p", "badges");
  if (incident.drill) badges.append(element("span", "badge-drill", say("drillBadge")));
  badges.append(element("span", "severity", say(`severity.${incident.severity}`)));
  made.append(element("h3", "", hazardWords(incident)), badges);
  return made;
}

function where(incident) {
  const made = element("div", "where");
  for (const [label, name] of [["camera", incident.camera_id], ["zone", incident.zone_id]]) {
    made.append(labelled(say(label), element("bdi", "name", name, name)));
  }
  return made;
}

function when(incident) {
  const made = element("div", "when");
  const course = incident.ended_at
    ? say("ended", clock(new Date(incident.ended_at)))
    : say("going");
  made.append(labelled(say("onset"), timeElement(incident.first_seen_at)));
  made.append(element("p", "field", course));
  return made;
}

function standing(incident) {
  const made = element("div", "standing");
  made.append(element("p", "state", say(`state.${incident.state}`)));
  if (incident.state === "new") {
    const waiting = element("span", "waiting");
    waiting.dataset.since = incident.opened_at;
    made.append(labelled(say("waiting"), waiting));
  }
  made.append(element("p", "field", orderWords(incident)));
  return made;
}

function facts(incident) {
  const made = element("p", "facts");
  const said = [say("score", incident.score.toFixed(2))];
  if (incident.alerts > 1) said.push(say("alerts", incident.alerts));
  if (incident.evidence_absent) {
    said.push(say("noPicture", say(`absent.${incident.evidence_absent}`)));
  }
  made.textContent = said.join(" · ");
  return made;
}

function card(incident) {
  const made = element("li", `card ${incident.drill ? "drill" : "real"}`);
  made.dataset.severity = incident.severity;
  made.dataset.state = incident.state;
  made.append(what(incident), where(incident), when(incident), standing(incident), facts(incident));
  return made;
}

function drawQueue(name, drill, open, countKey) {
  const shown = [...incidents.values()].filter((one) => one.drill === drill).sort(byUrgency);
  const count = shown.filter(open).length;
  $(name).replaceChildren(...shown.map(card));
  $(`${name}-count`).textContent = say(countKey, count);
  $(`${name}-empty`).textContent = loadFailed ? say("loadFailed") : say(`${name}Empty`);
  $(`${name}-empty`).hidden = shown.length > 0 || (cursor === null && !loadFailed);
  return count;
}

function draw() {
  drawing = false;
  document.documentElement.lang = languageTag();
  $("language").textContent = say("otherLanguage");
  $("real-title").textContent = say("real");
  $("drill-title").textContent = say("drills");
  const waiting = drawQueue("real", false, (one) => one.state === "new", "waitingCount");
  const drills = drawQueue("drill", true, (one) => one.state !== "closed", "goingCount");
  $("counts").textContent = say("counts", waiting, drills);
  document.title = `${waiting ? `(${waiting}) ` : ""}烽燧 Fengsui`;
  drawLink();
  drawEstate();
  tick();
}

function redraw() {
  if (drawing) return;
  drawing = true;
  setTimeout(draw, 50); // a burst of events is one drawing
}

function drawLink() {
  const since = link.since ? clock(link.since) : "";
  if ($("link").dataset.state === link.state && $("link").dataset.since === since) {
    if ($("link").lang === languageTag()) return; // a screen reader would say it again
  }
  Object.assign($("link").dataset, { state: link.state, since });
  $("link").lang = languageTag();
  $("link").textContent = say(link.state, since);
}

function estateWords() {
  if (estate === null) return ["unknown", say("unknownEstate")];
  if (!estate.redis_reachable) return ["bad", say("noRedis")];
  const workers = estate.workers.filter((one) => !one.lost);
  if (workers.length === 0) return ["bad", say("noWorkers")];
  const sum = (field) => workers.reduce((total, one) => total + one[field], 0);
  const lag = Object.values(estate.consumer_lag_entries).reduce((a, b) => a + b, 0);
  const [connected, all] = [sum("cameras_connected"), sum("cameras")];
  const said = [say("cameras", connected, all)];
  if (lag > 100) said.push(say("backlog", lag));
  return [connected < all || lag > 100 ? "warn" : "good", said.join(" · ")];
}

function drawEstate() {
  const [state, words] = estateWords();
  $("estate").dataset.state = state;
  if ($("estate").textContent !== words) $("estate").textContent = words;
}

function tick() {
  for (const waiting of document.querySelectorAll(".waiting")) {
    waiting.textContent = duration(Date.now() - Date.parse(waiting.dataset.since));
  }
  if (link.state === "live" && Date.now() - link.heardAt > SILENCE_MS) broken("reconnecting");
}

// ---- the link

function heard(event) {
  link.heardAt = Date.now();
  if (event && event.lastEventId) cursor = Number(event.lastEventId);
  if (link.state === "live") return;
  Object.assign(link, { state: "live", since: null });
  drawLink();
}

function broken(state) {
  if (source) source.close();
  source = null;
  Object.assign(link, { state, since: link.since || new Date() });
  drawLink();
  setTimeout(connect, RETRY_MS);
}

function hold(incident) {
  incidents.set(incident.incident_id, incident);
  if (incidents.size <= LIST_LIMIT) return;
  const leaving = [...incidents.values()].sort(byUrgency).at(-1);
  incidents.delete(leaving.incident_id);
}

async function load() {
  const response = await fetch(`/api/incidents?limit=${LIST_LIMIT}`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const found = await response.json();
  incidents.clear();
  found.incidents.forEach(hold);
  cursor = found.feed_cursor;
}

// EventSource can't tell why it was refused, so the question is put once more as a plain request.
async function reasonOfRefusal() {
  const stop = new AbortController();
  try {
    const response = await fetch(`/api/feed?after=${cursor}`, { signal: stop.signal });
    stop.abort();
    return response.status === 503 ? "full" : "reconnecting";
  } catch {
    return "reconnecting";
  }
}

async function connect() {
  try {
    if (cursor === null) await load();
    loadFailed = false;
  } catch {
    loadFailed = true;
    redraw();
    broken("reconnecting");
    return;
  }
  redraw();
  const opened = new EventSource(`/api/feed?after=${cursor}`);
  source = opened;
  opened.onopen = () => heard(null);
  opened.onerror = async () => {
    const refused = link.state !== "live";
    opened.close();
    const state = refused ? await reasonOfRefusal() : "reconnecting";
    if (source === opened) broken(state);
  };
  opened.addEventListener("alive", heard);
  opened.addEventListener("reset", () => {
    cursor = null;
    broken("reconnecting");
  });
  for (const kind of ["incident.opened", "incident.updated", "incident.closed", "order.sent"]) {
    opened.addEventListener(kind, (event) => {
      heard(event);
      hold(JSON.parse(event.data));
      redraw();
    });
  }
}

async function look() {
  try {
    const response = await fetch("/api/status");
    estate = response.ok ? await response.json() : null;
  } catch {
    estate = null;
  }
  drawEstate();
  setTimeout(look, STATUS_MS);
}

$("language").addEventListener("click", () => {
  switchLanguage();
  draw();
});
setInterval(tick, 1000);
draw();
connect();
look();
