// The deadlines of one incident: how soon it was seen, sent and reported on, against how soon it must be.
import type { IncidentWhole } from "../../api/shapes";

export type ClockName = "seen" | "sent" | "report";

export interface Limits {
  seen_s: number | null;
  sent_s: number | null;
  report_s: number | null;
}

export interface Clock {
  name: ClockName;
  limit_s: number;
  elapsed_s: number;
  /** `kept` and `late` are over; `running` and `overdue` go on; `void`: nobody needs it any more. */
  standing: "kept" | "late" | "running" | "overdue" | "void";
  at: string | null;
}

const OVER = ["false", "closed"];

export function clocksOf(incident: IncidentWhole, limits: Limits, now_ms: number): Clock[] {
  const from = incident.waiting_from;
  if (!from || incident.drill) return [];
  const reached: [ClockName, number | null, string | null][] = [
    ["seen", limits.seen_s, incident.seen_at],
    ["sent", limits.sent_s, incident.sent_at],
    ["report", limits.report_s, incident.reported_at],
  ];
  return reached.flatMap(([name, limit_s, at]) => (limit_s === null ? [] : [clockOf(name, limit_s, at)]));

  function clockOf(name: ClockName, limit_s: number, at: string | null): Clock {
    const over = OVER.includes(incident.state);
    const until_ms = at ? Date.parse(at) : over && incident.closed_at ? Date.parse(incident.closed_at) : now_ms;
    const elapsed_s = Math.max(0, (until_ms - Date.parse(String(from))) / 1000);
    const late = elapsed_s > limit_s;
    if (at) return { name, limit_s, elapsed_s, at, standing: late ? "late" : "kept" };
    if (over) return { name, limit_s, elapsed_s, at, standing: "void" };
    return { name, limit_s, elapsed_s, at, standing: late ? "overdue" : "running" };
  }
}
