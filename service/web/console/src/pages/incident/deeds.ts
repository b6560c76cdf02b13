// What people may do to an incident, and in which state: as service/incidents/lifecycle.py has it.
import type { Incident } from "../../api/shapes";

type State = Incident["state"];

/** Those in which somebody still has to do something. */
export const OPEN: readonly State[] = ["new", "seen", "confirmed", "dispatched", "on_site"];
export const OVER: readonly State[] = ["false", "closed"];

/** Nobody on the spot is asked for yet: somebody here has to decide. */
export const UNDECIDED: readonly State[] = ["new", "seen", "confirmed"];

/** In the order of their buttons. */
const POSSIBLE = {
  see: ["new"],
  confirm: ["new", "seen"],
  dispatch: ["confirmed", "dispatched", "on_site"],
  arrive: ["dispatched"],
  report: ["dispatched", "on_site"],
  close: OPEN,
  dismiss: OPEN,
  reopen: OVER,
  assign: OPEN,
  merge: OPEN,
  split: OPEN,
  note: [...OPEN, ...OVER],
} as const satisfies Record<string, readonly State[]>;

export type Deed = keyof typeof POSSIBLE;

/** What is done next as a rule. */
const NEXT: Partial<Record<State, Deed>> = { new: "see", seen: "confirm", confirmed: "dispatch", dispatched: "arrive", on_site: "close" };

/** Those that want more than a press. */
export const ASKING: readonly Deed[] = ["dispatch", "close", "dismiss", "reopen", "assign", "merge", "split"];

export const REASONS: Partial<Record<Deed, readonly string[]>> = {
  dismiss: ["lamp", "sunset", "flag", "steam_or_chimney", "vehicle_lights", "fog_or_cloud", "parked_vehicle", "shadow_or_light", "roadworks", "planned_burn", "other"],
  close: ["handled", "over", "duplicate", "unreachable", "other"],
  reopen: ["mistake", "again", "other"],
};

export function isPossible(deed: Deed, incident: Pick<Incident, "state" | "merged_into">): boolean {
  if (incident.merged_into && deed !== "note") return false;
  return (POSSIBLE[deed] as readonly State[]).includes(incident.state);
}

export function possible(incident: Pick<Incident, "state" | "merged_into">): Deed[] {
  return (Object.keys(POSSIBLE) as Deed[]).filter((one) => one !== "note" && isPossible(one, incident));
}

export function isNext(deed: Deed, state: State): boolean {
  return NEXT[state] === deed;
}
