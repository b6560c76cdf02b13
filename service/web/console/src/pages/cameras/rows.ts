// The cameras that match, held as windows of a long list: only what is looked at is loaded.
import { computed, onBeforeUnmount, ref, shallowRef, type Ref } from "vue";
import { api, isAborted, taken } from "../../api/client";
import type { CameraQuery, CameraRow } from "../../api/shapes";
import { type Search, asFilter } from "./filters";

const WINDOW = 100;
const KEPT_WINDOWS = 40;
const SETTLE_MS = 40; // while the list flies by, nothing is asked for

export function useRows(search: Ref<Search>) {
  const total = ref<number | null>(null);
  const windows = shallowRef(new Map<number, CameraRow[]>());
  const problem = ref<unknown>(null);
  const loading = ref(false);
  let asked = new AbortController();
  let pending = new Set<number>();
  let wanted: [number, number] = [0, 0];
  let timer = 0;

  const rowAt = (index: number): CameraRow | undefined =>
    windows.value.get(Math.floor(index / WINDOW))?.[index % WINDOW];

  function anew(): void {
    asked.abort();
    asked = new AbortController();
    pending = new Set();
    wanted = [0, 0];
    void fetchWindow(0, true);
  }

  /** Tell which rows are in sight. */
  function want(first: number, last: number): void {
    wanted = [Math.floor(first / WINDOW), Math.floor(last / WINDOW)];
    clearTimeout(timer);
    timer = window.setTimeout(fetchMissing, SETTLE_MS);
  }

  function fetchMissing(): void {
    for (let at = wanted[0]; at <= wanted[1]; at++)
      if (!windows.value.has(at) && !pending.has(at)) void fetchWindow(at, false);
  }

  async function refresh(): Promise<void> {
    if (loading.value || problem.value) return;
    for (let at = wanted[0]; at <= wanted[1]; at++) if (!pending.has(at)) await fetchWindow(at, false);
  }

  async function fetchWindow(at: number, first: boolean): Promise<void> {
    const { signal } = asked;
    pending.add(at);
    loading.value = true;
    try {
      const query = { offset: at * WINDOW, limit: WINDOW, ...sorted(search.value) };
      const data = await taken(api.GET("/api/cameras", { params: { query }, signal }));
      if (signal.aborted) return;
      hold(at, data.cameras, first);
      total.value = data.total;
      problem.value = null;
    } catch (error) {
      if (isAborted(error) || signal.aborted) return;
      problem.value = error;
    } finally {
      if (!signal.aborted) {
        pending.delete(at);
        loading.value = pending.size > 0;
      }
    }
  }

  function hold(at: number, rows: CameraRow[], alone: boolean): void {
    const next = alone ? new Map<number, CameraRow[]>() : new Map(windows.value);
    next.set(at, rows);
    if (next.size > KEPT_WINDOWS)
      for (const far of next.keys()) if (Math.abs(far - at) > KEPT_WINDOWS / 2) next.delete(far);
    windows.value = next;
  }

  onBeforeUnmount(() => {
    asked.abort();
    clearTimeout(timer);
  });

  return { total, problem, loading: computed(() => loading.value), rowAt, want, anew, refresh };
}

function sorted(search: Search) {
  return { ...asFilter(search), sort: search.sort as CameraQuery["sort"] };
}
