// One change to many cameras: the service takes some hundreds at a time, we ask until it is through.
import { onBeforeUnmount, ref } from "vue";
import { api, isAborted, taken } from "../../api/client";
import type { BulkAnswer, Patch, Selection } from "../../api/shapes";

export interface BulkSum {
  total: number;
  done: number;
  changed: number;
  unchanged: number;
  refused: BulkAnswer["refused"];
}

export function useBulk() {
  const sum = ref<BulkSum | null>(null);
  const busy = ref(false);
  const problem = ref<unknown>(null);
  let asked = new AbortController();

  /** Tell what a change would do, or do it; null if it didn't come through. */
  async function run(selection: Selection, patch: Patch, dry_run: boolean): Promise<BulkSum | null> {
    stop();
    const { signal } = (asked = new AbortController());
    busy.value = true;
    problem.value = null;
    sum.value = null;
    try {
      let after: string | null = null;
      do {
        const body = { selection, patch, dry_run, after };
        const answer: BulkAnswer = await taken(api.POST("/api/cameras/bulk", { body, signal }));
        sum.value = added(sum.value, answer);
        after = answer.next ?? null;
      } while (after && !signal.aborted);
      return signal.aborted ? null : sum.value;
    } catch (error) {
      if (!isAborted(error)) problem.value = error;
      return null;
    } finally {
      if (!signal.aborted) busy.value = false;
    }
  }

  /** What is done stays done. */
  function stop(): void {
    asked.abort();
    busy.value = false;
  }

  onBeforeUnmount(stop);
  return { sum, busy, problem, run, stop };
}

function added(before: BulkSum | null, answer: BulkAnswer): BulkSum {
  return {
    total: before?.total ?? answer.total,
    done: (before?.done ?? 0) + answer.done,
    changed: (before?.changed ?? 0) + answer.changed,
    unchanged: (before?.unchanged ?? 0) + answer.unchanged,
    refused: [...(before?.refused ?? []), ...answer.refused],
  };
}
