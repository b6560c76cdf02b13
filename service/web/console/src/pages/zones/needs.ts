// Which hazards can't be seen without something drawn: as `service/cameras/needs.py` has it.
import type { Drawing, Kind } from "./drawing";

export type Need = "road" | "direction" | "lane" | "scale";

const NEEDS: Record<string, Need> = { stopped_vehicle: "road", wrong_way: "direction", obstruction: "lane", water_over_line: "scale" };

const MET: Record<Need, (drawing: Drawing) => boolean> = {
  road: ({ zones }) => zones.some((one) => one.kind === "road"),
  direction: ({ zones }) => zones.some((one) => one.kind === "road" && one.direction),
  lane: ({ zones }) => zones.some((one) => one.kind === "fire_lane" || one.kind === "gate"),
  scale: ({ water }) => water !== null,
};

/** Which hazards count in a zone of a kind, besides those that count everywhere. */
export const SEEN_IN: Record<Kind, readonly string[]> = {
  area: ["fire", "smoke", "debris"],
  road: ["debris", "stopped_vehicle", "wrong_way"],
  slope: ["debris"],
  fire_lane: ["obstruction"],
  gate: ["obstruction"],
  privacy: [],
};

export const ON_SCALE: readonly string[] = ["water_over_line"];

/** What was drawn for hazards of which none is looked for; "direction": its arrow alone. */
export interface Idle {
  of: number | "water";
  what: "zone" | "direction" | "water";
}

export function idle({ zones, water, hazards }: Drawing): Idle[] {
  const wanted = (some: readonly string[]) => !some.length || some.some((one) => hazards.includes(one));
  const found = zones.flatMap((one): Idle[] => {
    if (!wanted(SEEN_IN[one.kind])) return [{ of: one.key, what: "zone" }];
    return one.direction && !hazards.includes("wrong_way") ? [{ of: one.key, what: "direction" }] : [];
  });
  return water && !wanted(ON_SCALE) ? [...found, { of: "water", what: "water" }] : found;
}

export function needOf(hazard: string): Need | null {
  return NEEDS[hazard] ?? null;
}

export function isMet(hazard: string, drawing: Drawing): boolean {
  const need = needOf(hazard);
  return !need || MET[need](drawing);
}

/** What chosen hazards lack: a code of the service's refusals each. */
export function lacking(drawing: Drawing): string[] {
  return Object.keys(NEEDS).filter((one) => drawing.hazards.includes(one) && !isMet(one, drawing));
}
