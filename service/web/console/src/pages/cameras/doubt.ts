// Before many cameras are switched on: which of them no probe has found good.
import { api, taken } from "../../api/client";
import type { CameraRow, Selection } from "../../api/shapes";
import { countOf } from "./capacity";
import { everyRow } from "./named";

export interface Doubt {
  fault: number;
  never: number;
  /** The selection without these. */
  rest: Selection;
}

/** As many are asked for one by one; of more the whole list is. */
const FEW = 40;
const KINDS = ["fault", "never"] as const;
type Of = Record<(typeof KINDS)[number], number>;

/** Only cameras that are off count: the others are watched whatever a probe said. */
export async function doubtOf(selection: Selection): Promise<Doubt> {
  return selection.filter ? ofFilter(selection.filter) : ofNamed(selection.camera_ids ?? []);
}

async function ofFilter(filter: NonNullable<Selection["filter"]>): Promise<Doubt> {
  const rest = { filter: { ...filter, probe: "good" as const } };
  const meant = (kind: string) => (!filter.probe || filter.probe === kind) && (!filter.state || filter.state === "disabled");
  const counts = KINDS.map((kind) => (meant(kind) ? countOf({ ...filter, state: "disabled", probe: kind }) : 0));
  const [fault, never] = (await Promise.all(counts)) as [number, number];
  return { fault, never, rest };
}

async function ofNamed(ids: readonly string[]): Promise<Doubt> {
  const named = new Set(ids);
  const rows = ids.length > FEW ? await everyOff() : (await Promise.all(ids.map(one))).flatMap((found) => found ?? []);
  const found: Of = { fault: 0, never: 0 };
  for (const { camera_id, enabled, probe } of rows) {
    const kind = !probe ? "never" : probe.fault ? "fault" : null;
    if (enabled || !kind || !named.delete(camera_id)) continue;
    found[kind] += 1;
  }
  return { ...found, rest: { camera_ids: [...named] } };
}

async function everyOff(): Promise<CameraRow[]> {
  return (await Promise.all(KINDS.map((probe) => everyRow({ state: "disabled", probe })))).flat();
}

/** Null for one that was removed meanwhile. */
function one(camera_id: string): Promise<Pick<CameraRow, "camera_id" | "enabled" | "probe"> | null> {
  return taken(api.GET("/api/cameras/{camera_id}", { params: { path: { camera_id } } })).catch(() => null);
}
