// An incident's pictures: each is fetched when somebody asks for it, and gone when that one leaves.
import { computed, onBeforeUnmount, reactive, ref, watch } from "vue";
import { api, isAborted, taken } from "../../../api/client";
import { Problem } from "../../../api/problem";
import type { Evidence, EvidenceList, Incident, Part } from "../../../api/shapes";
import { sessionEnded } from "../../../session";
import { why } from "./why";

const SLOW_MS = 4000; // from then on the operator is told that it isn't the page that hangs

/** What there is to show, besides the still. */
export const MOVING: readonly Part[] = ["clip.mp4", "strip.jpg"];

export function usePictures(incident: () => Incident) {
  const list = ref<EvidenceList | null>(null);
  /** Of which alert the pictures are that are shown. */
  const chosen = ref<string | null>(null);
  const shown = reactive(new Map<Part, string>());
  const asking = ref<"still" | "moving" | null>(null);
  const slow = ref(false);
  const problem = ref<unknown>(null);
  /** There was something to show, and there is no more. */
  const gone = ref(false);
  let asked: AbortController | null = null;

  const path = computed(() => ({ incident_id: incident().incident_id }));
  const opened = computed(() => list.value !== null && !problem.value && !asking.value);
  const at = computed(() => list.value?.evidence.find((one) => one.ref === chosen.value) ?? null);

  async function look(signal?: AbortSignal): Promise<void> {
    list.value = await taken(api.GET("/api/incidents/{incident_id}/evidence", { params: { path: path.value }, cache: "no-store", ...(signal ? { signal } : {}) }));
  }

  async function fetched(from: Evidence, part: Part, signal: AbortSignal): Promise<void> {
    const params = { path: { ref: from.ref, part }, query: { why: why.value } };
    const blob = await taken(api.GET("/api/evidence/{ref}/{part}", { params, parseAs: "blob", cache: "no-store", signal }));
    if (signal.aborted) return;
    chosen.value = from.ref;
    drop(part);
    shown.set(part, URL.createObjectURL(blob as Blob));
  }

  /** One thing at a time: what is asked for while something comes is not asked for. */
  async function attempt(what: "still" | "moving", work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    if (asking.value) return false;
    const mine = (asked = new AbortController());
    asking.value = what;
    problem.value = null;
    slow.value = gone.value = false;
    const timer = window.setTimeout(() => (slow.value = true), SLOW_MS);
    try {
      await work(mine.signal);
      return !mine.signal.aborted;
    } catch (error) {
      if (!isAborted(error) && !mine.signal.aborted) await failed(error, mine.signal);
      return false;
    } finally {
      clearTimeout(timer);
      if (asked === mine) asking.value = null;
    }
  }

  /** Show the still of an alert, of the newest that has one unless it is named. */
  const show = (ref?: string) =>
    attempt("still", async (signal) => {
      close();
      await look(signal);
      const found = list.value?.evidence.filter((one) => one.parts.includes("still.jpg")) ?? [];
      const one = ref ? found.find((each) => each.ref === ref) : found[0];
      if (one) await fetched(one, "still.jpg", signal);
      else gone.value = true;
    });

  /** Show what moves; the list is read again, as nothing tells when a clip is there. */
  const showMoving = () =>
    attempt("moving", async (signal) => {
      await look(signal);
      const part = MOVING.find((one) => at.value?.parts.includes(one));
      if (at.value && part) await fetched(at.value, part, signal);
    });

  async function failed(error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof Problem && error.status === 404) {
      close();
      gone.value = true;
      await look(signal).catch(() => null); // so that the reason is the latest
      return;
    }
    problem.value = error;
  }

  function cancel(): void {
    asked?.abort();
    asking.value = null;
  }

  function drop(part: Part): void {
    const url = shown.get(part);
    if (url) URL.revokeObjectURL(url);
    shown.delete(part);
  }

  function release(): void {
    for (const part of [...shown.keys()]) drop(part);
    chosen.value = null;
  }

  function close(): void {
    release();
    list.value = problem.value = null;
    gone.value = false;
  }

  // Retention may take what is shown; a later revision may bring another picture.
  watch(() => [incident().evidence_ref, incident().evidence_absent], async () => {
    if (gone.value && incident().evidence_ref) close();
    if (!opened.value) return;
    await look().catch(() => null);
    if (!chosen.value || at.value) return;
    release();
    gone.value = true;
  });
  watch(sessionEnded, (over) => over && !asking.value && close());
  onBeforeUnmount(() => {
    cancel();
    close();
  });

  return { list, at, shown, asking, slow, problem, gone, opened, show, showMoving, look, cancel, close };
}
