// What a field's value is called: for entries of the audit and for two versions of a camera.
import { stamp } from "./times";
import { t, word } from "./words";

/** Which words name a field's codes. */
const KINDS: Record<string, string> = {
  role: "role", scopes: "permission", programme: "programme", place_type: "place_type", level: "level",
  coordinate_system: "coordinate_system", hazards: "hazard", hazard: "hazard", way: "way",
  window_kind: "expected", why: "why",
  incident_state: "incident_state", dismiss_reason: "reason", close_reason: "close_reason", reopen_reason: "reopen_reason",
};

/** What a place is called: the whole installation as the reader's language has it, unless renamed. */
export function placeCalled(name: string): string {
  return name === t("place.root_as_made") ? t("place.root") : name;
}

export function degrees(value: number): string {
  return value.toFixed(6);
}

/** A zone: its name, what it shows, what vehicles may do in it. */
export function zoneCalled(zone: { zone_id: string; kind?: string; direction?: unknown; permitted_s?: number | null }): string {
  const directed = zone.direction ? [t("zone.directed")] : [];
  const permitted = zone.permitted_s ? [t("zone.permitted", { s: zone.permitted_s })] : [];
  return [zone.zone_id, word("zone_kind", zone.kind ?? "area"), ...directed, ...permitted].join(" · ");
}

export function waterCalled(scale: { alarm_level: number }): string {
  return t("zone.water", { percent: Math.round(scale.alarm_level * 100) });
}

export function thresholdsCalled(thresholds: Record<string, unknown>): string {
  const each = Object.entries(thresholds).map(([hazard, value]) => t("zone.threshold", { hazard: word("hazard", hazard), value }));
  return each.join(t("list_comma")) || t("none");
}

export function spoken(field: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return t("none");
  if (typeof value === "boolean") return word("yes_no", String(value));
  if (Array.isArray(value)) return value.map((one) => spoken(field, one)).join(t("list_comma")) || t("none");
  if (typeof value === "object") return thing(field, value as Record<string, unknown>);
  if (typeof value === "number") return field === "longitude" || field === "latitude" ? degrees(value) : String(value);
  if (field === "starts_at" || field === "ends_at") return stamp(new Date(String(value)));
  if (field === "credentials") return word("credentials_now", String(value));
  if (field === "verdict") return word("verdict", String(value));
  if (field === "part") return word("part", String(value));
  if (field === "reason") return word("reason", String(value));
  if (field === "kind") return word("proposal", String(value));
  const kind = KINDS[field];
  return kind ? word(kind, String(value)) : String(value);
}

function thing(field: string, value: Record<string, unknown>): string {
  if (typeof value.days === "number") return ruleCalled(value.days, value);
  if (field === "position") return position(value);
  if (field === "zones" && typeof value.zone_id === "string") return zoneCalled({ ...value, zone_id: value.zone_id });
  if (field === "water" && typeof value.alarm_level === "number") return waterCalled({ alarm_level: value.alarm_level });
  if (field === "thresholds") return thresholdsCalled(value);
  if (field === "before") return ["verdict", "reason"].filter((one) => value[one]).map((one) => spoken(one, value[one])).join(" · ");
  if (field === "places" && typeof value.code === "string") {
    const name = typeof value.old === "string" ? `${value.old} → ${String(value.new)}` : placeCalled(String(value.name));
    return `${value.code} ${name}`;
  }
  return JSON.stringify(value);
}

function ruleCalled(days: number, { hazard, place_code }: Record<string, unknown>): string {
  const what = hazard ? word("hazard", String(hazard)) : t("retention.any_hazard");
  return [what, place_code ? String(place_code) : t("retention.any_place"), t("retention.some_days", { days })].join(" · ");
}

function position({ longitude, latitude, coordinate_system }: Record<string, unknown>): string {
  const pair = [longitude, latitude].map((one) => (typeof one === "number" ? degrees(one) : t("none")));
  return `${pair.join(", ")} · ${word("coordinate_system", String(coordinate_system))}`;
}
