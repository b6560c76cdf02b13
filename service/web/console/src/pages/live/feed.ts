// The live feed: the list once, then every change by Server-Sent Events.
import { computed, onBeforeUnmount, onMounted, reactive, ref, shallowReactive, triggerRef, watch } from "vue";
import { api, taken } from "../../api/client";
import type { Incident, IncidentPage, IncidentQuery } from "../../api/shapes";
import { sessionEnded, sessionIsOver, whichLogin } from "../../session";
import { OPEN, OVER } from "../incident/deeds";
import { byUrgency } from "./order";

/** Of each list, what nobody has to decide on any more; the oldest leave first. */
export const KEPT = 200;
const OPEN_STATES: Incident["state"][] = [...OPEN];
const OVER_STATES: Incident["state"][] = [...OVER];
const PAGE = 500; // the most that the service lists at once
const SILENCE_MS = 25000; // the service says something every 10 s: after this the link is dead
const RETRY_MS = 2000;
const DRAW_MS = 50; // a burst of events is one drawing
const KINDS = ["incident.opened", "incident.updated", "incident.closed", "order.sent"];
const LEFT = "incident.left"; // not in one's places any more

function waits(one: Incident): boolean {
  return !one.drill && OPEN.includes(one.state);
}

export type LinkState = "connecting" | "live" | "reconnecting" | "full";

export function useFeed() {
  const link = reactive({ state: "connecting" as LinkState, since: null as Date | null });
  const incidents = new Map<string, Incident>();
  const shown = ref<Incident[]>([]);
  /** Which lists show only the newest. */
  const capped = reactive({ real: false, drill: false });
  const loaded = ref(false);
  const loadFailed = ref(false);
  const now = ref(Date.now());
  const held = shallowReactive({ heardAt: 0 });
  let source: EventSource | null = null;
  let cursor: number | null = null;
  let drawing = 0;
  let retrying = 0;
  let turn = 0; // of connecting: only the last one opens a feed
  let ticking = 0;

  function redraw(): void {
    drawing ||= window.setTimeout(() => {
      drawing = 0;
      const sorted = [...incidents.values()].sort(byUrgency);
      const waiting = sorted.filter((one) => waits(one));
      shown.value = [...waiting, ...kept(sorted, "real"), ...kept(sorted, "drill")];
      triggerRef(shown);
      // Not before it is drawn: until then nobody may read that there is nothing.
      loaded.value ||= cursor !== null;
    }, DRAW_MS);
  }

  /** The newest of a list; a real incident that waits for a person is never among those that leave. */
  function kept(sorted: Incident[], list: keyof typeof capped): Incident[] {
    const others = sorted.filter((one) => !waits(one) && one.drill === (list === "drill"));
    for (const one of others.slice(KEPT)) incidents.delete(one.incident_id);
    capped[list] ||= others.length > KEPT;
    return others.slice(0, KEPT);
  }

  function hold(incident: Incident): void {
    incidents.set(incident.incident_id, incident);
  }

  function heard(event: MessageEvent | null): void {
    held.heardAt = Date.now();
    if (event?.lastEventId) cursor = Number(event.lastEventId);
    if (link.state !== "live") Object.assign(link, { state: "live", since: null });
  }

  function broken(state: LinkState): void {
    source?.close();
    source = null;
    Object.assign(link, { state, since: link.since ?? new Date() });
    clearTimeout(retrying);
    retrying = window.setTimeout(connect, RETRY_MS);
  }

  async function load(mine: number): Promise<void> {
    // The first answer's cursor: whatever changes while the others are read comes by the feed.
    const pages = [await page({ drill: false, state: OPEN_STATES, limit: PAGE })];
    for (let last = pages[0]; last?.more; pages.push(last))
      last = await page({ drill: false, state: OPEN_STATES, limit: PAGE, before: last.incidents.at(-1)?.incident_id });
    const real = await page({ drill: false, state: OVER_STATES, limit: KEPT });
    const drills = await page({ drill: true, limit: KEPT });
    if (mine !== turn) return;
    incidents.clear();
    for (const one of [...pages, real, drills]) one.incidents.forEach(hold);
    Object.assign(capped, { real: real.more, drill: drills.more });
    cursor = pages[0]?.feed_cursor ?? null;
  }

  async function page(query: IncidentQuery): Promise<IncidentPage> {
    return taken(api.GET("/api/incidents", { params: { query } }));
  }

  // EventSource can't tell why it was refused, so the question is put once more as a plain request.
  async function reasonOfRefusal(): Promise<LinkState> {
    const stop = new AbortController();
    const login = whichLogin();
    try {
      const response = await fetch(`/api/feed?after=${cursor}`, { signal: stop.signal });
      stop.abort();
      if (response.status === 401) sessionIsOver(login);
      return [429, 503].includes(response.status) ? "full" : "reconnecting";
    } catch {
      return "reconnecting";
    }
  }

  async function connect(): Promise<void> {
    const mine = ++turn;
    clearTimeout(retrying);
    source?.close();
    source = null;
    if (sessionEnded.value) return broken("reconnecting");
    try {
      if (cursor === null) await load(mine);
      if (mine !== turn) return;
      loadFailed.value = false;
    } catch {
      if (mine !== turn) return;
      loadFailed.value = true;
      return broken("reconnecting");
    }
    redraw();
    listen(new EventSource(`/api/feed?after=${cursor}`));
  }

  function listen(opened: EventSource): void {
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
    for (const kind of KINDS) {
      opened.addEventListener(kind, (event: MessageEvent<string>) => {
        heard(event);
        hold(JSON.parse(event.data) as Incident);
        redraw();
      });
    }
    opened.addEventListener(LEFT, (event: MessageEvent<string>) => {
      heard(event);
      incidents.delete((JSON.parse(event.data) as Incident).incident_id);
      redraw();
    });
  }

  function tick(): void {
    now.value = Date.now();
    if (link.state === "live" && now.value - held.heardAt > SILENCE_MS) broken("reconnecting");
  }

  onMounted(() => {
    ticking = window.setInterval(tick, 1000);
    void connect();
  });
  onBeforeUnmount(() => {
    turn += 1;
    source?.close();
    source = null;
    for (const timer of [ticking, retrying, drawing]) clearTimeout(timer);
  });
  watch(sessionEnded, (over) => {
    if (!over && !source) void connect();
  });

  return {
    link,
    loaded,
    loadFailed,
    capped,
    now,
    real: computed(() => shown.value.filter((one) => !one.drill)),
    drills: computed(() => shown.value.filter((one) => one.drill)),
  };
}
