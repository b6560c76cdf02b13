// A batch of probes: asked for, followed until nothing of it waits, cancelled.
import { computed, onBeforeUnmount, ref } from "vue";
import { api, taken } from "../../api/client";
import { Problem } from "../../api/problem";
import type { ProbeBatch, ProbesAsked, Selection } from "../../api/shapes";

const EVERY_MS = 2000;

export function useProbing() {
  const batch = ref<ProbeBatch | null>(null);
  const problem = ref<unknown>(null);
  const busy = ref(false);
  /** What was not asked for: already under way, or a second place picture of a day. */
  const left_out = ref<Pick<ProbesAsked, "skipped" | "place_pictures_refused"> | null>(null);
  const going = computed(() => !!batch.value && batch.value.waiting + batch.value.sent > 0);
  let followed = "";
  let timer = 0;

  /** Ask for probes; the batch's id, or null if it was refused. */
  async function ask(selection: Selection, place_pictures: boolean): Promise<string | null> {
    if (busy.value) return null;
    busy.value = true;
    problem.value = null;
    try {
      const made = await taken(api.POST("/api/probes", { body: { selection, place_pictures } }));
      left_out.value = made;
      if (made.batch_id) await follow(made.batch_id);
      return made.batch_id ?? null;
    } catch (error) {
      problem.value = error;
      return null;
    } finally {
      busy.value = false;
    }
  }

  async function follow(batch_id: string): Promise<void> {
    clearTimeout(timer);
    followed = batch_id;
    try {
      const found = await taken(api.GET("/api/probes/{batch_id}", { params: { path: { batch_id } } }));
      if (followed !== batch_id) return;
      batch.value = found;
      problem.value = null;
    } catch (error) {
      if (followed !== batch_id) return;
      problem.value = error;
      if (error instanceof Problem && error.status === 404) return forget();
    }
    if (!batch.value || going.value) timer = window.setTimeout(() => void follow(batch_id), EVERY_MS);
  }

  /** What waits is not probed any more; what was sent still comes. */
  async function cancel(): Promise<void> {
    const batch_id = batch.value?.batch_id;
    if (!batch_id) return;
    try {
      await taken(api.DELETE("/api/probes/{batch_id}", { params: { path: { batch_id } } }));
      await follow(batch_id);
    } catch (error) {
      problem.value = error;
    }
  }

  function forget(): void {
    clearTimeout(timer);
    followed = "";
    batch.value = null;
  }

  onBeforeUnmount(() => {
    clearTimeout(timer);
    followed = "";
  });

  return { batch, problem, busy, left_out, going, ask, follow, cancel, forget };
}
