// The live feed: the list once, then every change by Server-Sent Events.
import { computed, onBeforeUnmount, onMounted, reactive, ref, shallowReactive, triggerRef, watch } from "vue";
import { api, taken } from "../../api/client";
import type { Incident } from "../../api/shapes";
import { sessionEnded, sessionIsOver } from "../../session";
import { byUrgency } from "./order";

const LIST_LIMIT = 200; // incidents held by the page; the oldest closed ones leave first
const SILENCE_MS = 25000; // the service says something every 10 s: after this the link is dead
const RETRY_MS = 2000;
const DRAW_MS = 50; // a burst of events is one drawing
const KINDS = ["incident.opened", "incident.updated", "incident.closed", "order.sent"];

export type LinkState = "connecting" | "live" | "reconnecting" | "full";

export function useFeed() {
  const link = reactive({ state: "connecting" as LinkState, since: null as Date | null });
  const incidents = new Map<string, Incident>();
  const shown = ref<Incident[]>([]);
  const loaded = ref(false);
  const loadFailed = ref(false);
  const now = ref(Date.now());
  const held = shallowReactive({ heardAt: 0 });
  let source: EventSource | null = null;
  let cursor: number | null = null;
  let drawing = 0;
  let retrying = 0;
  let ticking = 0;

  function redraw(): void {
    drawing ||= window.setTimeout(() => {
      drawing = 0;
      shown.value = [...incidents.values()].sort(byUrgency);
      triggerRef(shown);
    }, DRAW_MS);
  }

  function hold(incident: Incident): void {
    incidents.set(incident.incident_id, incident);
    if (incidents.size <= LIST_LIMIT) return;
    const leaving = [...incidents.values()].sort(byUrgency).at(-1);
    if (leaving) incidents.delete(leaving.incident_id);
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

  async function load(): Promise<void> {
    const query = { limit: LIST_LIMIT };
    const found = await taken(api.GET("/api/incidents", { params: { query } }));
    incidents.clear();
    found.incidents.forEach(hold);
    cursor = found.feed_cursor;
    loaded.value = true;
  }

  // EventSource can't tell why it was refused, so the question is put once more as a plain request.
  async function reasonOfRefusal(): Promise<LinkState> {
    const stop = new AbortController();
    try {
      const response = await fetch(`/api/feed?after=${cursor}`, { signal: stop.signal });
      stop.abort();
      if (response.status === 401) sessionIsOver();
      return [429, 503].includes(response.status) ? "full" : "reconnecting";
    } catch {
      return "reconnecting";
    }
  }

  async function connect(): Promise<void> {
    if (sessionEnded.value) return broken("reconnecting");
    try {
      if (cursor === null) await load();
      loadFailed.value = false;
    } catch {
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
    now,
    real: computed(() => shown.value.filter((one) => !one.drill)),
    drills: computed(() => shown.value.filter((one) => one.drill)),
  };
}
