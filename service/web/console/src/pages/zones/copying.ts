// What copying would replace at each camera: the service counts them, here each is looked at.
import { api, taken } from "../../api/client";
import type { Camera } from "../../api/shapes";
import { hazardsCalled } from "../cameras/watching";
import { t } from "../../words";
import { bodyOf, drawingOf, same } from "./drawing";

export interface Target {
  camera_id: string;
  name: string;
  /** What goes, in words; null: it has all of this already. */
  replaced: string[] | null;
  /** Whether something drawn goes: nobody can bring it back. */
  loses: boolean;
  /** No probe has seen how wide and high its picture is. */
  isShapeUnknown: boolean;
}

type Parts = Partial<ReturnType<typeof bodyOf>>;

const AT_ONCE = 6;

export async function targetsOf(camera_ids: readonly string[], parts: Parts): Promise<Target[]> {
  const found: Target[] = [];
  for (let first = 0; first < camera_ids.length; first += AT_ONCE) {
    const some = camera_ids.slice(first, first + AT_ONCE).map((camera_id) => taken(api.GET("/api/cameras/{camera_id}", { params: { path: { camera_id } } })));
    found.push(...(await Promise.all(some)).map((one) => targetOf(one, parts)));
  }
  return found;
}

export function isShapeUnknown({ probe }: Pick<Camera, "probe">): boolean {
  return !probe || probe.fault !== null;
}

function targetOf(camera: Camera, parts: Parts): Target {
  const own = bodyOf(drawingOf(camera));
  const names = (Object.keys(parts) as (keyof Parts)[]).filter((name) => !same(name === "hazards" ? [...(parts.hazards ?? [])].sort() : parts[name], own[name]));
  const zones = names.includes("zones") ? camera.zones : [];
  const water = names.includes("water") && camera.water;
  const joined = zones.map((one) => one.zone_id).join(t("list_comma"));
  return {
    camera_id: camera.camera_id,
    name: camera.name,
    replaced: names.length
      ? [
          ...(zones.length ? [t("zones.replaces_zones", { count: zones.length, names: joined })] : []),
          ...(water ? [t("field.water")] : []),
          ...(names.includes("hazards") ? [`${t("field.hazards")}${t("zones.colon")}${hazardsCalled(camera.hazards)}`] : []),
        ]
      : null,
    loses: zones.length > 0 || !!water,
    isShapeUnknown: isShapeUnknown(camera),
  };
}
