// What a camera is watched for and where; what is to be done about one that isn't watched.
import type { Camera } from "../../api/shapes";
import { t, word } from "../../words";

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

export function faultWords(fault: string): { what: string; advice: string } {
  const advice = word("fault_advice", fault);
  return { what: word("fault", fault), advice: advice === fault ? t("fault_advice.unknown") : advice };
}
