// What a camera is watched for and where; what is to be done about one that isn't watched.
import type { Camera } from "../../api/shapes";
import { t, word } from "../../words";

type Figures = NonNullable<Camera["figures"]>;

const HAZARDS = ["fire", "smoke", "water_over_line", "debris", "obstruction", "stopped_vehicle", "wrong_way", "camera_fault"];

/** Counts in area zones, and on the whole picture where none is drawn. */
const ANYWHERE: Record<string, readonly string[]> = { fire: ["area"], smoke: ["area"], debris: ["area", "road", "slope"] };

/** Hazards by their names, in the order in which they can be chosen. */
export function hazardsCalled(hazards: readonly string[]): string {
  return HAZARDS.filter((one) => hazards.includes(one)).map((one) => word("hazard", one)).join(t("list_comma")) || t("none");
}

/** What counts on the whole picture, where some zone is drawn; empty if nothing does. */
export function wholePicture({ hazards, zones }: Pick<Camera, "hazards" | "zones">): string {
  const kinds = zones.map((one) => one.kind ?? "area").filter((kind) => kind !== "privacy");
  if (!kinds.length) return t("camera.whole_picture");
  const everywhere = hazards.filter((one) => ANYWHERE[one]?.every((kind) => !kinds.some((drawn) => drawn === kind)));
  return everywhere.length ? t("camera.whole_picture_for", { hazards: hazardsCalled(everywhere) }) : "";
}

/** On a substream already, nobody is told to take it. */
export function faultWords(fault: string, has_substream = false): { what: string; advice: string } {
  const all = [has_substream ? word("fault_advice_on_substream", fault) : fault, word("fault_advice", fault)];
  const said = all.find((one) => one !== fault);
  return { what: word("fault", fault), advice: said ?? t("fault_advice.unknown") };
}

/** What is still to be done of what a probe advised: a substream that is taken is no advice. */
export function adviceLeft<A extends string>(advice: readonly A[], has_substream: boolean): A[] {
  return advice.filter((one) => !(has_substream && one === "use_substream"));
}

/** A minute without a look and a byte of a camera that is watched is one before it was. */
export function isMeasured({ looks_per_s, bit_rate_bps }: Figures): boolean {
  return looks_per_s > 0 || bit_rate_bps > 0;
}

export function costWord(core_share: number): "low" | "usual" | "high" {
  if (core_share < 0.03) return "low";
  return core_share < 0.1 ? "usual" : "high";
}

export function rate(bps: number): string {
  return bps >= 1_000_000 ? t("health.mbps", { rate: (bps / 1_000_000).toFixed(1) }) : t("health.kbps", { rate: Math.round(bps / 1000) });
}
