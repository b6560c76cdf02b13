// What time it is at the service: deadlines run by its clock, not by that of an old PC.
import { onBeforeUnmount, onMounted, ref } from "vue";

/** An answer's date has whole seconds; less than this may be the way here. */
const TRIFLE_MS = 2000;
let ahead_ms = 0;

/** Note what an answer says of the time there. */
export function noteTime(response: Response): void {
  const said = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(said)) return;
  const off_ms = said - Date.now();
  ahead_ms = Math.abs(off_ms) < TRIFLE_MS ? 0 : off_ms;
}

export function serviceNow(): number {
  return Date.now() + ahead_ms;
}

/** The time at the service, a second at a time. */
export function useNow() {
  const now = ref(serviceNow());
  let ticking = 0;
  onMounted(() => (ticking = window.setInterval(() => (now.value = serviceNow()), 1000)));
  onBeforeUnmount(() => clearInterval(ticking));
  return now;
}
