// What is drawn on a camera's picture: as it is held here, what of it is wrong, what has to be sent.
import type { Camera, CameraEdit } from "../../api/shapes";
import { type Corner, MOST_ZONES, type Refused, directionFault, nameFault, permittedFault, scaleFault, zoneFault } from "./geometry";

export const KINDS = ["area", "road", "slope", "fire_lane", "gate", "privacy"] as const;
export type Kind = (typeof KINDS)[number];

export interface Zone {
  /** Its own as long as the page is open, whatever it is called. */
  key: number;
  zone_id: string;
  kind: Kind;
  polygon: Corner[];
  direction: [Corner, Corner] | null;
  /** As it is typed. */
  permitted_s: string;
}

export interface Water {
  foot: Corner;
  head: Corner;
  alarm_level: number;
}

export interface Drawing {
  zones: Zone[];
  water: Water | null;
  hazards: string[];
}

export const SHORTEST_DWELL_S = 10;
export const LONGEST_DWELL_S = 86_400;
/** A scale of less than this share of the picture's height is taken, and never read. */
export const LOWEST_READ = 0.1;

let keys = 0;

export function newKey(): number {
  return ++keys;
}

export function drawingOf(camera: Pick<Camera, "zones" | "water" | "hazards">): Drawing {
  const { water } = camera;
  return {
    zones: camera.zones.map((one) => ({
      key: newKey(), zone_id: one.zone_id, kind: (one.kind ?? "area") as Kind, polygon: one.polygon.map(corner),
      direction: one.direction ? [corner(one.direction[0]), corner(one.direction[1])] : null,
      permitted_s: one.permitted_s ? String(one.permitted_s) : "",
    })),
    water: water && { foot: corner(water.foot), head: corner(water.head), alarm_level: water.alarm_level },
    hazards: [...camera.hazards],
  };
}

function corner(given: readonly number[] | undefined): Corner {
  return [given?.[0] ?? 0, given?.[1] ?? 0];
}

/** A zone as the service has it. */
export function sent({ zone_id, kind, polygon, direction, permitted_s }: Zone) {
  const more = { ...(direction ? { direction } : {}), ...(permitted_s.trim() ? { permitted_s: seconds(permitted_s) } : {}) };
  return { zone_id: zone_id.trim(), kind, polygon, ...more };
}

/** The request's fields. */
export function bodyOf({ zones, water, hazards }: Drawing) {
  return { zones: zones.map(sent), water, hazards: [...hazards].sort() };
}

/** Only what differs from where the drawing began. */
export function asEdit(drawing: Drawing, base: Drawing): CameraEdit {
  const [now, before] = [bodyOf(drawing), bodyOf(base)];
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => !same(value, before[name as keyof typeof before]))) as unknown as CameraEdit;
}

export function isChanged(drawing: Drawing, base: Drawing): boolean {
  return !same(bodyOf(drawing), bodyOf(base));
}

/** Theirs with ours on it: zone by zone, whoever touched it; ours where both did. */
export function merged(base: Drawing, theirs: Drawing, ours: Drawing): Drawing {
  const named = (drawing: Drawing) => new Map(drawing.zones.map((one) => [one.zone_id, one]));
  const [before, now] = [named(base), named(theirs)];
  const kept = ours.zones.flatMap((one) => {
    const was = before.get(one.zone_id);
    if (!was || !same(sent(one), sent(was))) return [one];
    const found = now.get(one.zone_id);
    return found ? [{ ...found, key: one.key }] : [];
  });
  const held = named(ours);
  const added = theirs.zones.filter((one) => !held.has(one.zone_id) && !before.has(one.zone_id));
  return {
    zones: [...kept, ...added],
    water: same(ours.water, base.water) ? theirs.water : ours.water,
    hazards: same([...ours.hazards].sort(), [...base.hazards].sort()) ? theirs.hazards : ours.hazards,
  };
}

export interface Fault extends Refused {
  /** Of which zone; "water" for the scale, "all" for the whole drawing. */
  of: number | "water" | "all";
  field: "polygon" | "name" | "direction" | "permitted_s" | "scale" | "hazards";
}

/** All that the service would refuse, in the order of the page. */
export function faultsIn(drawing: Drawing): Fault[] {
  const names = drawing.zones.map((one) => one.zone_id);
  const found = drawing.zones.flatMap((one) => faultsOfZone(one, names));
  const { water } = drawing;
  const scale = water && scaleFault(water.foot, water.head);
  if (scale) found.push({ ...scale, of: "water", field: "scale" });
  if (drawing.zones.length > MOST_ZONES) found.push({ code: "too_long", params: { max_length: MOST_ZONES }, of: "all", field: "polygon" });
  return found;
}

function faultsOfZone(zone: Zone, names: string[]): Fault[] {
  const { key: of, kind, polygon, direction, permitted_s } = zone;
  const all: [Fault["field"], Refused | null][] = [
    ["name", zone.zone_id.trim() ? nameFault(zone.zone_id, names) : { code: "missing", params: {} }],
    ["polygon", zoneFault(polygon)],
    ["direction", direction && directionFault(kind, ...direction)],
    ["permitted_s", permitted_s.trim() ? (permittedFault(kind) ?? dwellFault(permitted_s)) : null],
  ];
  return all.flatMap(([field, fault]) => (fault ? [{ ...fault, of, field }] : []));
}

function dwellFault(typed: string): Refused | null {
  const given = seconds(typed);
  if (given === null) return { code: "float_parsing", params: {} };
  if (given < SHORTEST_DWELL_S) return { code: "greater_than_equal", params: { ge: SHORTEST_DWELL_S } };
  return given > LONGEST_DWELL_S ? { code: "less_than_equal", params: { le: LONGEST_DWELL_S } } : null;
}

function seconds(typed: string): number | null {
  const value = Number(typed.trim());
  return Number.isFinite(value) ? value : null;
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
