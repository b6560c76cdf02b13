// The rules of how long pictures are kept, as they are being edited.
import type { RetentionRule } from "../../api/shapes";
import type { ChosenPlace } from "../../parts/PlaceChooser.vue";

export const FEWEST_DAYS = 1;
export const MOST_DAYS = 180;

export interface Draft {
  /** For the list alone: rules have no id. */
  key: number;
  hazard: RetentionRule["hazard"];
  place: ChosenPlace | null;
  /** As typed. */
  days: string | number;
  /** Whether the search for its place holds what names none. */
  unsettled: boolean;
}

export type Fault = "days" | "twice" | "place";

let made = 0;

export function draftOf(rule: RetentionRule): Draft {
  const place = rule.place_code ? { code: rule.place_code, name: rule.place_code } : null;
  return { key: ++made, hazard: rule.hazard ?? null, place, days: rule.days, unsettled: false };
}

export function ruleOf(draft: Draft): RetentionRule {
  return { hazard: draft.hazard ?? null, place_code: draft.place?.code ?? null, days: Number(draft.days) };
}

/** What is wrong with a rule among the others. */
export function faultOf(draft: Draft, all: readonly Draft[]): Fault | null {
  if (draft.unsettled) return "place";
  const days = Number(draft.days);
  if (!Number.isInteger(days) || days < FEWEST_DAYS || days > MOST_DAYS) return "days";
  const same = all.filter((one) => one.hazard === draft.hazard && one.place?.code === draft.place?.code);
  return same.length > 1 ? "twice" : null;
}
