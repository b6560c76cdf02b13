// Why something was refused, in the reader's language, and beside which field that is written.
import { word } from "../words";
import { Problem, type Refusal } from "./problem";

/** Values that are codes themselves, by their names. */
const CODES: Record<string, (code: string) => string> = {
  device: (code) => word("device", code),
  hidden: (code) => word("hidden", code),
  level: (code) => word("level", code),
  wanted_level: (code) => word("level", code),
  refused_place: (code) => word("refused_place", code),
  sea: (code) => word("sea", code),
};

/** Our words for a refusal; the service's own English for a code that has none. */
export function refusal(one: Refusal): string {
  return ours(one) ?? invalid(one) ?? one.message;
}

/** Words by field. Of what is wrong only by its form, a field's own words tell what is wanted. */
export function faultsOf(problem: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  if (!(problem instanceof Problem)) return found;
  for (const one of problem.body.errors ?? []) found[one.field] ??= ours(one) ?? wanted(one.field) ?? refusal(one);
  return found;
}

function ours({ code, params }: Refusal): string | null {
  const values = worded(params);
  return unless(code, word("refusal", code, values)) ?? unless(code, word("problem", code, values));
}

function invalid({ code, params }: Refusal): string | null {
  return unless(code, word("invalid", code, worded(params)));
}

function wanted(field: string): string | null {
  const top = field.split(".")[0] ?? field;
  return unless(top, word("field_fault", top));
}

/** A code without a word shows itself: then there is none. */
function unless(code: string, said: string): string | null {
  return said === code ? null : said;
}

function worded(params: Refusal["params"]): Record<string, string | number> {
  const values = Object.entries(params ?? {});
  return Object.fromEntries(values.map(([name, value]) => [name, CODES[name]?.(String(value)) ?? value]));
}
