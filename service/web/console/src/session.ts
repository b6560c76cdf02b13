// Who is logged in. The cookie itself is out of any script's reach.
import { computed, ref } from "vue";
import { api, standBehind, taken } from "./api/client";
import { NO_ANSWER, Problem } from "./api/problem";
import type { Permission, Session } from "./api/shapes";

const held = ref<Session | null>(null);
const ended = ref(false);
let waiting: ((again: boolean) => void)[] = [];
let discarding = false;
let logins = 0;

/** How long a one-time password is remembered for the form that asks for it again. */
const TYPED_MS = 5 * 60_000;
const typed = ref("");
let forgetting = 0;

/**
 * The one-time password of the login just now, in memory alone: the service wants it once more with
 * the password that is chosen. Empty soon, after a reload, and once the form is left.
 */
export const typedOnce = computed(() => typed.value);

export function forgetTyped(): void {
  clearTimeout(forgetting);
  typed.value = "";
}

export const session = computed(() => held.value);

/** The session ended under an open page: whoever wants to go on logs in over it. */
export const sessionEnded = computed(() => ended.value);

export function may(permission: Permission): boolean {
  return held.value?.permissions.includes(permission) ?? false;
}

/** Whether the whole installation is one's own: workers, backlog and the audit's head are. */
export const everywhere = computed(() => held.value?.account.places.some((one) => one.code === "0") ?? false);

standBehind({
  csrfToken: () => held.value?.csrf_token ?? null,
  login: whichLogin,
  renewed: (login) => {
    if (!held.value || login !== logins) return Promise.resolve(!!held.value);
    ended.value = true;
    return new Promise((resolve) => waiting.push(resolve));
  },
});

/** Ask the service who we are; quiet if nobody. */
export async function loadSession(): Promise<void> {
  try {
    held.value = await taken(api.GET("/api/session"));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code !== NO_ANSWER) held.value = null;
  }
}

export async function logIn(login: string, password: string): Promise<void> {
  const found = await taken(api.POST("/api/session", { body: { login, password } }));
  forgetTyped();
  if (found.password_once) {
    typed.value = password;
    forgetting = window.setTimeout(forgetTyped, TYPED_MS);
  }
  resume(found);
}

/** Look whether somebody logged in again in another window. */
export async function lookAgain(): Promise<void> {
  const found = await taken(api.GET("/api/session")).catch(() => null);
  if (found && ended.value) resume(found);
}

/** Whether the page is being loaded anew without what was typed in it. */
export function discarded(): boolean {
  return discarding;
}

export async function logOut(): Promise<void> {
  try {
    await taken(api.DELETE("/api/session"));
  } finally {
    leave();
  }
}

/** Give the page up: what waited for a login gets its refusal. */
export function leave(): void {
  forgetTyped();
  held.value = null;
  goOn(false);
}

export async function changePassword(current: string, chosen: string): Promise<void> {
  const body = { current_password: current, new_password: chosen };
  held.value = await taken(api.POST("/api/session/password", { body }));
}

/** How many times somebody has logged in on this page. */
export function whichLogin(): number {
  return logins;
}

/** A request of that login was refused; if it is no more the last one, the refusal came late. */
export function sessionIsOver(login: number): void {
  if (held.value && login === logins) ended.value = true;
}

/** Somebody else must not go on in a page that holds what another one typed: it stays that one's. */
function resume(found: Session): void {
  if (ended.value && found.account.login !== held.value?.account.login) {
    discarding = true;
    location.reload();
    return;
  }
  held.value = found;
  logins += 1;
  goOn(true);
}

function goOn(again: boolean): void {
  ended.value = false;
  const asked = waiting;
  waiting = [];
  for (const resolve of asked) resolve(again);
}
