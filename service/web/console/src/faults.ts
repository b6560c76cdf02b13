// Marks what is wrong in a form, and takes the reader to the first of it.
import { nextTick } from "vue";

/** Focus the first marked field inside, clear of what sticks to the page's edges. */
export async function toFirstFault(inside: ParentNode = document): Promise<void> {
  await nextTick();
  const marked = inside.querySelector<HTMLElement>("[aria-invalid='true']");
  marked?.focus({ preventScroll: true });
  marked?.scrollIntoView({ block: "center" });
}
