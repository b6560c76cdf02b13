// The tree of places, of which only the opened parts are loaded.
import { reactive } from "vue";
import { api, taken } from "../../api/client";
import type { Place } from "../../api/shapes";

export interface Node {
  place: Place;
  open: boolean;
  loading: boolean;
  children: Node[] | null;
}

export function node(place: Place): Node {
  return reactive({ place, open: false, loading: false, children: null }) as Node;
}

export async function children(parent?: string): Promise<Node[]> {
  const query = parent === undefined ? {} : { parent };
  return (await taken(api.GET("/api/places", { params: { query } }))).places.map(node);
}

export async function unfold(one: Node): Promise<void> {
  one.open = true;
  if (one.children) return;
  one.loading = true;
  try {
    one.children = await children(one.place.code);
  } finally {
    one.loading = false;
  }
}

export interface Row {
  node: Node;
  level: number;
  parent: Node | null;
}

/** The nodes that can be seen, top to bottom. */
export function rowsOf(nodes: Node[], level = 1, parent: Node | null = null): Row[] {
  return nodes.flatMap((one) => [
    { node: one, level, parent },
    ...(one.open && one.children ? rowsOf(one.children, level + 1, one) : []),
  ]);
}

/** The levels that may stand under one, next lower first. */
const LEVELS = ["installation", "city", "county", "township", "village", "cell"] as const;
export type Level = (typeof LEVELS)[number];

export function levelsUnder(level: string): Level[] {
  return LEVELS.slice(LEVELS.indexOf(level as Level) + 1);
}
