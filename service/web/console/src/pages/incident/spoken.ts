// A step's reason and details, in words.
import type { Step } from "../../api/shapes";
import { targetCalled } from "../../happenings";
import { clock } from "../../times";
import { placeCalled } from "../../values";
import { t, word } from "../../words";

type Said = (value: unknown, detail: Record<string, unknown>) => string;
const KINDS: Record<string, string> = { dismissed: "reason", closed: "close_reason", reopened: "reopen_reason" };

/** How each detail that is known is said; what isn't known stays unsaid. */
const SAID: Record<string, Said> = {
  clock: (value) => t("step_detail.clock", { clock: word("clock", String(value)) }),
  due_at: (value) => t("step_detail.due", { at: clock(new Date(String(value))) }),
  to: (value, { to_name }) => t("step_detail.to", { who: to_name ? placeCalled(String(to_name)) : String(value) }),
  on_duty: (value) => (list(value).length ? t("step_detail.on_duty", { who: list(value).join(t("list_comma")) }) : ""),
  target: (value) => t("step_detail.target", { target: targetCalled(String(value)) }),
  targets: (value) => t("step_detail.target", { target: list(value).map(targetCalled).join(t("list_comma")) }),
  routes: (value) => (list(value).length ? t("step_detail.routes", { routes: list(value).join(t("list_comma")) }) : ""),
  assignee: (value, { login }) => t("step_detail.to", { who: value ? String(login ?? value) : t("incident.nobody") }),
  why: (value) => word("order_error", String(value)),
  error: (value) => word("order_error", String(value)),
  text: (value) => String(value),
};

/** Why something was done; of a receipt, which it was. */
export function reasonOf({ action, reason, detail }: Step): string {
  if (action === "receipt") return word("receipt", String(detail?.receipt ?? ""));
  return reason ? word(KINDS[action] ?? "close_reason", reason) : "";
}

export function detailOf({ detail, actor }: Step): string[] {
  const all: Record<string, unknown> = { ...detail };
  // What the line above says already.
  if (actor === `target:${all.target}`) delete all.target;
  return Object.keys(SAID).flatMap((name) => {
    const value = all[name];
    const said = value === undefined || value === "" || (value === null && name !== "assignee") ? "" : SAID[name]?.(value, all);
    return said ? [said] : [];
  });
}

/** The other incident that a step names. */
export function otherOf({ detail, action }: Step): string {
  const other = detail?.into ?? (["merged", "opened", "seen", "confirmed", "dispatched"].includes(action) ? detail?.from : undefined) ?? detail?.new;
  return typeof other === "string" && other.length === 36 ? other : "";
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
