import type { Incident } from "../../api/shapes";

const URGENCY = ["extreme", "severe", "moderate", "minor"];
const STATES = ["new", "dispatched", "closed"];

/** What waits for a person first, the most urgent of it on top, then the newest. */
export function byUrgency(a: Incident, b: Incident): number {
  return (
    STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
    (a.state === "closed" ? 0 : URGENCY.indexOf(a.severity) - URGENCY.indexOf(b.severity)) ||
    b.first_seen_at.localeCompare(a.first_seen_at) ||
    a.incident_id.localeCompare(b.incident_id)
  );
}
