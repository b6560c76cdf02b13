// Whether the workers are full: how many cameras are watched, how many wait for room.
import { computed, ref } from "vue";
import { api, taken } from "../../api/client";
import type { CameraQuery } from "../../api/shapes";

/** What a camera shows that waits for room at a worker. */
export const NO_ROOM = "over_capacity";

export async function countOf(query: CameraQuery): Promise<number> {
  return (await taken(api.GET("/api/cameras", { params: { query: { ...query, limit: 1 } } }))).total;
}

export function useCapacity() {
  const waiting = ref(0);
  const watching = ref(0);

  /** What was known stays if nobody answers: the page says that elsewhere. */
  async function look(): Promise<void> {
    try {
      const kept_out = await countOf({ fault: NO_ROOM });
      if (kept_out) watching.value = await countOf({ state: "watching" });
      waiting.value = kept_out;
    } catch {
      // said by the page
    }
  }

  return { waiting, watching, is_full: computed(() => waiting.value > 0), look };
}
