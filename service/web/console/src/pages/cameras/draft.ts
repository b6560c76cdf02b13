// A camera as it is typed, and what of it has to be sent.
import type { Camera, CameraEdit, NewCamera } from "../../api/shapes";
import type { ChosenPlace } from "../../parts/PlaceChooser.vue";
import { placeCalled } from "../../values";

export interface Draft {
  name: string;
  gb_id: string;
  programme: string;
  place_type: string;
  purpose: string;
  legal_basis: string;
  owner: string;
  contact_number: string;
  upstream: string;
  sign_confirmed: boolean;
  place: ChosenPlace | null;
  longitude: string;
  latitude: string;
  coordinate_system: string;
  main_url: string;
  sub_url: string;
  /** What happens to user and password: they stay, are given, or go. */
  credentials: "keep" | "give" | "remove";
  user: string;
  password: string;
  hazards: string[];
  enabled: boolean;
}

const BLANK: Draft = {
  name: "", gb_id: "", programme: "xueliang", place_type: "", purpose: "", legal_basis: "", owner: "",
  contact_number: "", upstream: "", sign_confirmed: false, place: null, longitude: "", latitude: "",
  coordinate_system: "gcj02", main_url: "", sub_url: "", credentials: "give", user: "", password: "",
  hazards: [], enabled: true,
};

export function blank(hazards: readonly string[]): Draft {
  return { ...BLANK, hazards: [...hazards] };
}

export function draftOf(camera: Camera): Draft {
  return {
    name: camera.name,
    gb_id: camera.gb_id ?? "",
    programme: camera.programme,
    place_type: camera.place_type,
    purpose: camera.purpose,
    legal_basis: camera.legal_basis,
    owner: camera.owner,
    contact_number: camera.contact_number,
    upstream: camera.upstream ?? "",
    sign_confirmed: true,
    place: { code: camera.place.code, name: camera.place.name },
    longitude: String(camera.position.longitude),
    latitude: String(camera.position.latitude),
    coordinate_system: camera.position.coordinate_system,
    main_url: camera.main_url ?? "",
    sub_url: camera.sub_url ?? "",
    credentials: camera.has_credentials ? "keep" : "give",
    user: "",
    password: "",
    hazards: [...camera.hazards],
    enabled: camera.enabled,
  };
}

/** What a camera must have, and how each is given. */
const NEEDED = {
  name: "missing", place_code: "choose", place_type: "choose", owner: "missing", contact_number: "missing",
  purpose: "missing", legal_basis: "missing", "position.longitude": "missing", "position.latitude": "missing",
  main_url: "missing",
} as const;

/** The fields that are still to be filled in, by the request's names: typed or chosen. */
export function missing(draft: Draft): Record<string, "missing" | "choose"> {
  const given: Record<keyof typeof NEEDED, unknown> = {
    ...draft, place_code: draft.place?.code, "position.longitude": draft.longitude, "position.latitude": draft.latitude,
  };
  return Object.fromEntries(Object.entries(NEEDED).filter(([name]) => !String(given[name as keyof typeof NEEDED] ?? "").trim()));
}

/** The next camera of a row of them: what they share stays, what is each one's own goes. */
export function nextOf(draft: Draft): Draft {
  const { name, gb_id, longitude, latitude, main_url, sub_url, credentials, user, password, sign_confirmed } = BLANK;
  return { ...draft, name, gb_id, longitude, latitude, main_url, sub_url, credentials, user, password, sign_confirmed };
}

type Body = Record<string, unknown>;

/** The request's fields for a person: the place by its name. */
function readable(draft: Draft): Body {
  const place = draft.place ? `${placeCalled(draft.place.name)} · ${draft.place.code}` : null;
  return { ...bodyOf(draft), place_code: place };
}

/** The request's fields, by name. */
export function bodyOf(draft: Draft): Record<string, unknown> {
  const { name, programme, place_type, purpose, legal_basis, owner, contact_number, sign_confirmed } = draft;
  return {
    name, programme, place_type, purpose, legal_basis, owner, contact_number, sign_confirmed,
    gb_id: draft.gb_id.trim() || null,
    upstream: draft.upstream.trim() || null,
    place_code: draft.place?.code ?? null,
    position: {
      longitude: degrees(draft.longitude),
      latitude: degrees(draft.latitude),
      coordinate_system: draft.coordinate_system,
    },
    main_url: draft.main_url.trim(),
    sub_url: draft.sub_url.trim() || null,
    hazards: [...draft.hazards].sort(),
    enabled: draft.enabled,
  };
}

export function asNew(draft: Draft): NewCamera {
  const given = draft.user || draft.password ? { credentials: credentialsOf(draft) } : {};
  return { ...bodyOf(draft), ...given } as unknown as NewCamera;
}

/** Only what differs from where the editing began. */
export function asEdit(draft: Draft, base: Draft): CameraEdit {
  const [now, before] = [bodyOf(draft), bodyOf(base)];
  const changed = Object.fromEntries(Object.entries(now).filter(([name, value]) => !same(value, before[name])));
  if (draft.credentials === "remove") changed.credentials = null;
  if (draft.credentials === "give" && touchesCredentials(draft, base)) changed.credentials = credentialsOf(draft);
  return changed as CameraEdit;
}

export interface Difference {
  field: string;
  before: unknown;
  theirs: unknown;
  /** Set if the person here changed the same field. */
  ours?: unknown;
}

/** What somebody else changed meanwhile, as far as it can be seen. */
export function differences(base: Draft, theirs: Draft, ours: Draft): Difference[] {
  const [before, now, typed] = [bodyOf(base), bodyOf(theirs), bodyOf(ours)];
  const [first, second, third] = [base, theirs, ours].map(readable) as [Body, Body, Body];
  return Object.keys(before)
    .filter((field) => !same(before[field], now[field]))
    .map((field) => ({
      field,
      before: first[field],
      theirs: second[field],
      ...(same(before[field], typed[field]) ? {} : { ours: third[field] }),
    }));
}

/** Whether user and password were given or taken away here. */
export function touchesCredentials(draft: Draft, base: Draft): boolean {
  return draft.credentials !== base.credentials || !!draft.user || !!draft.password;
}

/** Their camera with our changes on it. Credentials that may be theirs are replaced only on demand. */
export function rebased(draft: Draft, base: Draft, theirs: Draft): Draft {
  const touched = Object.keys(draft).filter(
    (name) => !same(draft[name as keyof Draft], base[name as keyof Draft]),
  );
  const ours = Object.fromEntries(touched.map((name) => [name, draft[name as keyof Draft]]));
  return { ...theirs, ...ours, ...(theirs.credentials === "keep" ? { credentials: "keep" } : {}) };
}

function credentialsOf(draft: Draft): { user: string; password: string } {
  return { user: draft.user, password: draft.password };
}

// An empty field goes as null, so that the service says which field is wrong.
function degrees(typed: string): number | null {
  const value = Number(String(typed).trim());
  return String(typed).trim() && Number.isFinite(value) ? value : null;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
