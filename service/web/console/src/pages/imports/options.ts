// How a file is to be read, and what stands in for columns that it lacks. Kept while the page is
// open: nothing of it is typed twice.
import { reactive } from "vue";
import type { CameraImport, NewCameraImport } from "../../api/shapes";
import type { ChosenPlace } from "../../parts/PlaceChooser.vue";

export const SOURCES = ["auto", "csv", "xlsx", "wvp"] as const;
const TEXTS = ["purpose", "legal_basis", "owner", "contact_number", "upstream"] as const;

export interface Options {
  source: string;
  coordinate_system: string;
  programme: string;
  place: ChosenPlace | null;
  purpose: string;
  legal_basis: string;
  owner: string;
  contact_number: string;
  upstream: string;
  watch: boolean;
}

export const options = reactive<Options>({
  source: "auto", coordinate_system: "", programme: "", place: null,
  purpose: "", legal_basis: "", owner: "", contact_number: "", upstream: "", watch: false,
});

export function asAsked(given: Options): Omit<NewCameraImport, "file_name"> {
  const { source, watch } = given;
  const chosen = [...TEXTS, "coordinate_system", "programme"] as const;
  const texts = chosen.map((name) => [name, given[name].trim()] as const).filter(([, value]) => value);
  const defaults = { ...Object.fromEntries(texts), ...(given.place ? { place_code: given.place.code } : {}) };
  return { source, watch, defaults } as Omit<NewCameraImport, "file_name">;
}

/** The options of an import that was begun. */
export function askedBefore({ source, watch, defaults }: CameraImport): Omit<NewCameraImport, "file_name"> {
  return { source, watch, defaults };
}

/** Take an earlier import's options into the form, as far as it left something open. */
export function takeOver({ source, watch, defaults }: CameraImport): void {
  const given = Object.fromEntries(Object.entries(defaults ?? {}).filter(([name, value]) => value && name !== "place_code"));
  Object.assign(options, { source, watch, ...given });
  if (defaults?.place_code) options.place = { code: defaults.place_code, name: defaults.place_code };
}
