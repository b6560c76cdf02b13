// Which rows are ticked: some by name, or all that match. Those that have names outlive a new search.
import { computed, ref, shallowRef } from "vue";
import type { CameraRow, Selection } from "../../api/shapes";
import { type Search, asFilter } from "./filters";
import { MOST_NAMED, everyRow } from "./named";

export function usePicked(search: () => Search, total: () => number | null) {
  const rows = shallowRef(new Map<string, CameraRow>());
  const all = ref(false);
  /** The cameras that match are being named, for some of them are not to be ticked. */
  const naming = ref(false);
  const count = computed(() => (all.value ? (total() ?? 0) : rows.value.size));
  /** Whether all that match can be named one by one. */
  const nameable = computed(() => (total() ?? 0) <= MOST_NAMED);

  function has(camera: CameraRow): boolean {
    return !camera.drill && ((all.value && !naming.value) || rows.value.has(camera.camera_id));
  }

  async function set(cameras: CameraRow[], on: boolean): Promise<void> {
    if (all.value && on) return;
    if (all.value && !(await name(search()))) return;
    const next = new Map(rows.value);
    for (const one of cameras) if (!one.drill) on ? next.set(one.camera_id, one) : next.delete(one.camera_id);
    rows.value = next;
  }

  /** Turn "all that match" into as many names; tell whether that could be done. */
  async function name(by: Search): Promise<boolean> {
    if (!nameable.value || naming.value) return false;
    naming.value = true;
    try {
      const found = await everyRow(asFilter(by));
      // Meanwhile somebody may have let go of all of them.
      if (!all.value) return false;
      rows.value = new Map(found.filter((one) => !one.drill).map((one) => [one.camera_id, one]));
      all.value = false;
      return true;
    } catch {
      return false;
    } finally {
      naming.value = false;
    }
  }

  /** Before another search: what is ticked stays so. Returns false if it is too many to be named. */
  async function keep(before: Search): Promise<boolean> {
    if (!all.value || naming.value || (await name(before))) return true;
    everything(false);
    return false;
  }

  function everything(on: boolean): void {
    rows.value = new Map();
    all.value = on;
  }

  function selection(): Selection {
    return all.value ? { filter: asFilter(search()) } : { camera_ids: [...rows.value.keys()] };
  }

  return { all, naming, nameable, count, rows, has, set, keep, everything, selection };
}

export type Picked = ReturnType<typeof usePicked>;
