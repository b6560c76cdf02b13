// A short word at the edge of the page that something was done.
import { readonly, ref } from "vue";

const SHOWN_MS = 4000;
const said = ref("");
let timer = 0;

export const told = readonly(said);

export function tell(text: string): void {
  said.value = text;
  clearTimeout(timer);
  timer = window.setTimeout(() => (said.value = ""), SHOWN_MS);
}
