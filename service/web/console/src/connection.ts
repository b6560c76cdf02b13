import { readonly, ref } from "vue";

const RETRY_MS = 3000;

const since = ref<Date | null>(null);

/** Since when the service hasn't answered; null while it does. */
export const lostSince = readonly(since);

export function connectionWorks(): void {
  since.value = null;
}

export function connectionLost(): void {
  if (since.value) return;
  since.value = new Date();
  setTimeout(knock, RETRY_MS);
}

async function knock(): Promise<void> {
  if (!since.value) return;
  try {
    await fetch("/healthz", { cache: "no-store" });
    connectionWorks();
  } catch {
    setTimeout(knock, RETRY_MS);
  }
}
