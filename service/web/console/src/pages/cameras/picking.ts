// Which rows are ticked: some by their ids, or all that match.
import { computed, ref, shallowRef } from "vue";
import type { CameraRow, Selection } from "../../api/shapes";
import { type Search, asFilter } from "./filters";

export function usePicked(search: () => Search, total: () => number | null) {
  const ids = shallowRef(new Set<string>());
  const all = ref(false);
  const count = computed(() => (all.value ? (total() ?? 0) : ids.value.size));

  function has(camera: CameraRow): boolean {
    return !camera.drill && (all.value || ids.value.has(camera.camera_id));
  }

  function set(cameras: CameraRow[], on: boolean): void {
    if (all.value) return;
    const next = new Set(ids.value);
    for (const one of cameras) if (!one.drill) on ? next.add(one.camera_id) : next.delete(one.camera_id);
    ids.value = next;
  }

  function everything(on: boolean): void {
    ids.value = new Set();
    all.value = on;
  }

  function selection(): Selection {
    return all.value ? { filter: asFilter(search()) } : { camera_ids: [...ids.value] };
  }

  return { all, count, has, set, everything, selection };
}

export type Picked = ReturnType<typeof usePicked>;
