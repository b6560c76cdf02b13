// The one way to the service: adds the CSRF token, notices a lost connection and an ended session.
import createClient from "openapi-fetch";
import type { paths } from "@openapi";
import { connectionLost, connectionWorks } from "../connection";
import { noteTime } from "../moment";
import { Problem, type ProblemBody, noAnswer, unexpectedAnswer } from "./problem";

const SAFE = new Set(["GET", "HEAD"]);

interface Gate {
  csrfToken(): string | null;
  /** Which login this is: a refusal that an earlier one earned says nothing of it. */
  login(): number;
  /** Resolves when somebody has logged in since `login`; false if nobody was logged in before. */
  renewed(login: number): Promise<boolean>;
}

let gate: Gate = { csrfToken: () => null, login: () => 0, renewed: async () => false };

export function standBehind(given: Gate): void {
  gate = given;
}

async function guarded(request: Request): Promise<Response> {
  const again = request.clone();
  const login = gate.login();
  const response = await send(request);
  if (isLogin(request) || !(await asksForLogin(response))) return response;
  return (await gate.renewed(login)) ? send(again) : response;
}

// A wrong current password is a 401 as well, and no ended session.
async function asksForLogin(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const body: unknown = await response.clone().json().catch(() => null);
  return !!body && typeof body === "object" && "code" in body && body.code === "unauthenticated";
}

function isLogin(request: Request): boolean {
  return new URL(request.url).pathname === "/api/session";
}

async function send(request: Request): Promise<Response> {
  const token = gate.csrfToken();
  if (token && !SAFE.has(request.method)) request.headers.set("X-CSRF-Token", token);
  try {
    const response = await fetch(request);
    connectionWorks();
    noteTime(response);
    return response;
  } catch (error) {
    if (request.signal.aborted) throw error;
    connectionLost();
    throw noAnswer();
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: guarded });

interface Answered<T> {
  data?: T;
  response: Response;
  error?: unknown;
}

/** Return what was answered, or throw a `Problem`. */
export async function taken<T>(asked: Promise<Answered<T>>): Promise<T> {
  return (await takenWhole(asked)).data;
}

export async function takenWhole<T>(
  asked: Promise<Answered<T>>,
): Promise<{ data: T; response: Response }> {
  const { data, error, response } = await asked;
  if (response.ok) return { data: data as T, response };
  if (error && typeof error === "object" && "code" in error) {
    const after = Number(response.headers.get("Retry-After"));
    throw new Problem(error as ProblemBody, after > 0 ? after : null);
  }
  throw unexpectedAnswer(response.status);
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
