// Routes as they are being edited, and how each is said.
import type { Route, RouteIn } from "../../api/shapes";
import type { ChosenPlace } from "../../parts/PlaceChooser.vue";
import { t, word } from "../../words";

export const HAZARDS = ["fire", "smoke", "water_over_line", "debris", "obstruction", "stopped_vehicle", "wrong_way", "camera_fault"] as const;
export const SEVERITIES = ["extreme", "severe", "moderate", "minor"] as const;
export const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7] as const;
const HOUR = 60;
const DAY = 1440;

export interface Draft {
  /** For the list alone; a new route has no id. */
  key: number;
  route_id: string | null;
  name: string;
  place: ChosenPlace | null;
  hazards: string[];
  severities: string[];
  /** As a time field has them; both empty is all day. */
  from: string;
  to: string;
  weekdays: number[];
  targets: string[];
  stop: boolean;
}

let made = 0;

export function draftOf(route?: Route): Draft {
  return {
    key: ++made,
    route_id: route?.route_id ?? null,
    name: route?.name ?? "",
    place: route?.place_code ? { code: route.place_code, name: route.place_code } : null,
    hazards: [...(route?.hazards ?? [])],
    severities: [...(route?.severities ?? [])],
    from: timeOf(route?.from_minute),
    to: timeOf(route?.to_minute),
    weekdays: [...(route?.weekdays ?? [])],
    targets: [...(route?.targets ?? [])],
    stop: route?.stop ?? false,
  };
}

export function routeOf(draft: Draft): RouteIn {
  return {
    route_id: draft.route_id,
    name: draft.name.trim(),
    place_code: draft.place?.code ?? null,
    hazards: draft.hazards as RouteIn["hazards"],
    severities: draft.severities as RouteIn["severities"],
    from_minute: minuteOf(draft.from),
    to_minute: minuteOf(draft.to),
    weekdays: [...draft.weekdays].sort((a, b) => a - b),
    targets: draft.targets,
    stop: draft.stop,
  };
}

export function timeOf(minute: number | null | undefined): string {
  if (minute === null || minute === undefined) return "";
  const of_day = minute % DAY;
  return `${String(Math.floor(of_day / HOUR)).padStart(2, "0")}:${String(of_day % HOUR).padStart(2, "0")}`;
}

export function minuteOf(time: string): number | null {
  const [h, m] = time.split(":").map(Number);
  return time && h !== undefined && m !== undefined ? HOUR * h + m : null;
}

/** What a route is about, in one line. */
export function conditionsOf(draft: Draft): string {
  const each = [
    draft.hazards.length ? draft.hazards.map((one) => word("hazard", one)).join(t("list_comma")) : t("routes.any_hazard"),
    draft.severities.length ? draft.severities.map((one) => word("severity", one)).join(t("list_comma")) : "",
    hoursOf(draft.from, draft.to),
    daysOf(draft.weekdays),
  ];
  return each.filter(Boolean).join(" · ");
}

export function hoursOf(from: string, to: string): string {
  if (!from || !to) return "";
  return to <= from ? t("routes.hours_night", { from, to }) : t("routes.hours", { from, to });
}

export function daysOf(weekdays: readonly number[]): string {
  return weekdays.length && weekdays.length < WEEKDAYS.length ? [...weekdays].sort((a, b) => a - b).map((one) => word("weekday", String(one))).join(t("list_comma")) : "";
}

export type Fault = "name" | "targets" | "times";

export function faultsOf(draft: Draft): Fault[] {
  const found: Fault[] = [];
  if (!draft.name.trim()) found.push("name");
  if (!draft.targets.length) found.push("targets");
  if (!draft.from !== !draft.to || (draft.from && draft.from === draft.to)) found.push("times");
  return found;
}
