// Periods of whole days, as the service counts them.
import { serviceNow } from "../../moment";

export const PRESETS = ["today", "yesterday", "week", "month", "own"] as const;
export type Preset = (typeof PRESETS)[number];
const DAYS: Partial<Record<Preset, number>> = { week: 7, month: 30 };

export interface Period {
  from: string;
  to: string;
}

/** A preset's first and last day on the service's calendar; of one's own there are none to say. */
export function periodOf(preset: Preset, timezone: string): Period | null {
  if (preset === "own") return null;
  const back = preset === "yesterday" ? 1 : 0;
  return { from: dayAgo(back + (DAYS[preset] ?? 1) - 1, timezone), to: dayAgo(back, timezone) };
}

/** The day so many days ago, as YYYY-MM-DD. */
export function dayAgo(days: number, timezone: string): string {
  const today = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, year: "numeric", month: "2-digit", day: "2-digit" }).format(serviceNow());
  const moment = new Date(`${today}T12:00:00Z`);
  moment.setUTCDate(moment.getUTCDate() - days);
  return moment.toISOString().slice(0, 10);
}
