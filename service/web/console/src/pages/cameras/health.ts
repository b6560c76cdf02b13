// How it stood with a camera in the last days, as stretches of time.
import type { CameraHealth } from "../../api/shapes";

export interface Stretch {
  state: string;
  fault: string | null;
  from_ms: number;
  until_ms: number;
}

/** Changes come newest first, and the last may lie before `begin_ms`: the stretches come oldest first. */
export function stretchesOf({ changes }: CameraHealth, now_ms: number, begin_ms: number): Stretch[] {
  let until_ms = now_ms;
  const found = changes.map(({ at, state, fault }): Stretch => {
    const from_ms = Math.max(begin_ms, Date.parse(at));
    const stretch = { state, fault, from_ms, until_ms };
    until_ms = Math.min(until_ms, from_ms);
    return stretch;
  });
  if (until_ms > begin_ms) found.push({ state: "unknown", fault: null, from_ms: begin_ms, until_ms });
  return found.reverse().filter((one) => one.until_ms > one.from_ms);
}
