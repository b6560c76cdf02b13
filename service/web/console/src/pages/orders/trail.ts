// From the first alert to the last receipt: one list in the order of time.
import type { Step, Trail } from "../../api/shapes";
import { actorCalled, hazardCalled, targetCalled, targetErrorCalled } from "../../happenings";
import { clock } from "../../times";
import { t, word } from "../../words";
import { detailOf, reasonOf } from "../incident/spoken";

export interface Happening {
  key: string;
  at: string;
  kind: "alert" | "step" | "order" | "attempt" | "receipt";
  /** Among what has the same time, where it isn't the kind's. */
  order?: "brought";
  tone: "plain" | "good" | "bad";
  what: string;
  who: string;
  more: string[];
}

const BAD_STEPS = new Set(["breached", "escalated", "order_dead", "order_refused", "order_silent", "dismissed"]);
/** The id of an entry in a stream. */
const ENTRY = /^\d+-\d+$/;
const OF_ORDERS = new Set(["order_sent", "order_dead", "order_refused", "order_silent", "receipt"]);

export function happenings(trail: Trail): Happening[] {
  const { order_id } = trail.order;
  const steps = (trail.steps as Step[]).filter((one) => !OF_ORDERS.has(one.action) || (one.action !== "receipt" && one.detail?.order_id === order_id));
  const answered = new Set(trail.receipts.map((one) => one.receipt_id));
  const found = [
    ...trail.alerts.flatMap(alert),
    ...steps.map((one) => step(one, answered)),
    made(trail.order),
    ...trail.attempts.map(attempt),
    ...trail.receipts.map(receipt),
  ];
  // What happened in one transaction has one time: what a receipt brought about follows it.
  const rank = ["alert", "step", "order", "attempt", "receipt", "brought"];
  return found.sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || rank.indexOf(a.order ?? a.kind) - rank.indexOf(b.order ?? b.kind));
}

function alert(one: Trail["alerts"][number]): Happening[] {
  const base = { kind: "alert" as const, tone: "plain" as const, who: one.camera_id };
  return [
    { ...base, key: `onset-${one.alert_id}`, at: one.first_seen_at, what: t("trail.onset", { what: hazardCalled(one.hazard, one.detail) }), more: [t("live.score", { score: one.score.toFixed(2) })] },
    { ...base, key: `taken-${one.alert_id}`, at: one.received_at, what: t("trail.taken"), more: [] },
  ];
}

/** What one of these receipts brought about needn't say again what stands there. */
function step(one: Step, answered: Set<string>): Happening {
  const said = reasonOf(one);
  const brought = answered.has(String(one.detail?.receipt_id));
  return {
    key: `step-${one.id}`, at: one.at, kind: "step", tone: BAD_STEPS.has(one.action) ? "bad" : "plain",
    what: said ? `${word("step", one.action)} · ${said}` : word("step", one.action),
    who: actorCalled(one.actor), more: brought ? [] : [...detailOf(one), ...(one.note ? [one.note] : [])],
    ...(brought ? { order: "brought" as const } : {}),
  };
}

function made(order: Trail["order"]): Happening {
  return { key: "order", at: order.decided_at, kind: "order", tone: "plain", what: t("trail.made", { target: targetCalled(order.target) }), who: actorCalled(order.decided_by), more: [] };
}

function attempt(one: Trail["attempts"][number]): Happening {
  const good = one.outcome === "sent";
  return {
    key: `attempt-${one.id}`, at: one.at, kind: "attempt", tone: good ? "good" : "bad",
    what: word("attempt", one.outcome), who: "", more: [t("trail.took", { seconds: one.seconds.toFixed(2) }), ...(one.detail ? [ENTRY.test(one.detail) ? t("trail.entry", { id: one.detail }) : targetErrorCalled(one.detail)] : [])],
  };
}

function receipt(one: Trail["receipts"][number]): Happening {
  const late = Math.abs(Date.parse(one.received_at) - Date.parse(one.at)) > 60_000;
  return {
    key: `receipt-${one.receipt_id}`, at: one.received_at, kind: "receipt", tone: one.kind === "refused" ? "bad" : "good",
    what: t("trail.receipt", { kind: word("receipt", one.kind) }), who: actorCalled(one.actor),
    more: [...(one.text ? [one.text] : []), ...(late ? [t("trail.said_at", { at: clock(new Date(one.at)) })] : [])],
  };
}
