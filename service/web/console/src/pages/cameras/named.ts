// Every camera that a filter means, one by one.
import { api, taken } from "../../api/client";
import type { CameraQuery, CameraRow } from "../../api/shapes";

/** As many as a request may name. */
export const MOST_NAMED = 10_000;
const PAGE = 500;

export async function everyRow(query: CameraQuery): Promise<CameraRow[]> {
  const found: CameraRow[] = [];
  for (;;) {
    const part = { ...query, sort: "name" as const, offset: found.length, limit: PAGE };
    const { cameras } = await taken(api.GET("/api/cameras", { params: { query: part } }));
    found.push(...cameras);
    if (cameras.length < PAGE) return found;
  }
}
