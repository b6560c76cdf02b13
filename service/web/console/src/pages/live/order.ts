import type { Incident } from "../../api/shapes";

const URGENCY = ["extreme", "severe", "moderate", "minor"];
const STATES = ["new", "seen", "confirmed", "dispatched", "on_site"];

/** What waits for a person first, the most urgent of it on top, then the newest. */
export function byUrgency(a: Incident, b: Incident): number {
  return (
    rank(a) - rank(b) ||
    (rank(a) === STATES.length ? 0 : URGENCY.indexOf(a.severity) - URGENCY.indexOf(b.severity)) ||
    b.first_seen_at.localeCompare(a.first_seen_at) ||
    a.incident_id.localeCompare(b.incident_id)
  );
}

/** What is over comes last, however it ended. */
function rank({ state }: Incident): number {
  const found = STATES.indexOf(state);
  return found < 0 ? STATES.length : found;
}
