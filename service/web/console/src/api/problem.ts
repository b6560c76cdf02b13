/** Why something that was sent can't be taken: a code, values for our words, and English. */
export interface Refusal {
  code: string;
  message: string;
  params?: Record<string, string | number> | null;
}

/** What the service says when it refuses: RFC 9457 problem details. */
export interface ProblemBody {
  status: number;
  code: string;
  title: string;
  detail: string;
  errors?: (Refusal & { field: string })[];
  [more: string]: unknown;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly body: ProblemBody;
  readonly retryAfter_s: number | null;

  constructor(body: ProblemBody, retryAfter_s: number | null = null) {
    super(body.detail);
    this.status = body.status;
    this.code = body.code;
    this.body = body;
    this.retryAfter_s = retryAfter_s;
  }
}

/** The request got no answer. */
export const NO_ANSWER = "no_answer";

export function noAnswer(): Problem {
  return new Problem({ status: 0, code: NO_ANSWER, title: "", detail: "" });
}

/** An answer that is no problem details: a proxy's page, say. */
export function unexpectedAnswer(status: number): Problem {
  return new Problem({ status, code: "http_error", title: "", detail: "" });
}
