// What a list can be narrowed by: as it stands in the address, in a saved view and in words.
import type { LocationQuery } from "vue-router";
import type { Selection } from "../../api/shapes";
import { codes, t, word } from "../../words";

export const STATES = ["fault", "unwatched", "connecting", "watching", "disabled"];
export const PROGRAMMES = ["xueliang", "tianwang", "other"];
export const PROBES = ["never", "good", "fault", "advice"];
export const SUBSTREAMS = ["yes", "no", "found"];
/** A file's end, which is none. */
const NO_FAULT = "file_ended";

/** What a stream can fail by. */
export function faults(): string[] {
  return codes("fault").filter((one) => one !== NO_FAULT);
}

export interface Search {
  q: string;
  place: string;
  state: string;
  fault: string;
  probe: string;
  probe_fault: string;
  substream: string;
  zones: string;
  place_type: string;
  programme: string;
  hazard: string;
  upstream: string;
  import_id: string;
  /** "true": of that import, only what it brought or changed. */
  import_changed: string;
  sort: string;
}

export type FilterName = Exclude<keyof Search, "sort">;

export const NONE: Search = {
  q: "", place: "", state: "", fault: "", probe: "", probe_fault: "", substream: "", zones: "", place_type: "", programme: "", hazard: "",
  upstream: "", import_id: "", import_changed: "", sort: "name",
};

const CALLED: Partial<Record<FilterName, (code: string) => string>> = {
  state: (code) => word("camera_state", code),
  fault: (code) => word("fault", code),
  probe: (code) => word("probe_was", code),
  probe_fault: (code) => word("fault", code),
  substream: (code) => word("substream", code),
  zones: (code) => word("has_zones", code),
  place_type: (code) => word("place_type", code),
  programme: (code) => word("programme", code),
  hazard: (code) => word("hazard", code),
};

/** What a filter's value is called. */
export function called(name: FilterName, value: string): string {
  return CALLED[name]?.(value) ?? value;
}

export function inAddress(query: LocationQuery): Search {
  const given = Object.keys(NONE).map((name) => [name, query[name]] as const);
  return { ...NONE, ...Object.fromEntries(given.filter(([, value]) => typeof value === "string" && value)) };
}

/** What is not as it always is. */
export function asQuery(search: Search): Record<string, string> {
  return Object.fromEntries(Object.entries(search).filter(([name, value]) => value && !(name === "sort" && value === NONE.sort)));
}

/** The filters alone: what a request about many cameras and a saved view take. */
export function asFilter(search: Search): NonNullable<Selection["filter"]> {
  const { sort: _, ...filters } = search;
  // What an import changed is said of an import.
  const given = Object.entries(filters).filter(([name, value]) => value && (name !== "import_changed" || filters.import_id));
  return Object.fromEntries(given.map(([name, value]) => [name, name === "import_changed" ? value === "true" : value])) as unknown as NonNullable<Selection["filter"]>;
}

/** The filters that are on, each in words. What was typed stands in its own field. */
export function chosen(search: Search, place: string): { name: FilterName; said: string }[] {
  const names = Object.keys(asFilter(search)).filter((name) => name !== "q") as FilterName[];
  return names.map((name) => {
    const value = name === "place" ? place : called(name, search[name]);
    if (name === "import_id") return { name, said: t("cameras.of_import") };
    if (name === "import_changed") return { name, said: t("cameras.of_import_changed") };
    return { name, said: t("cameras.chip", { filter: word("filter", name), value }) };
  });
}
