// Which fields a refusal is about, and what to write beside them.
import { word } from "../words";
import { Problem } from "./problem";

/** Fields of which our words tell what is wanted, and only the service's what is wrong. */
const NEED_DETAIL = new Set(["gb_id", "position", "main_url", "sub_url", "credentials", "code"]);

/** Words by field: ours in the reader's language, then the service's own for what ours can't say. */
export function faultsOf(problem: unknown): Record<string, string> {
  if (!(problem instanceof Problem)) return {};
  const found: Record<string, string> = {};
  for (const { field, message } of problem.body.errors ?? []) found[field] ??= joined("field_fault", field, message);
  const { field, detail } = problem.body;
  if (field) found[field] ??= joined("problem", problem.code, detail);
  return found;
}

function joined(kind: string, code: string, said: string): string {
  const top = code.split(".")[0] ?? code;
  const known = word(kind, top);
  if (known === top) return said;
  return kind === "problem" || NEED_DETAIL.has(top) ? `${known} · ${said}` : known;
}
