// What was typed and not saved isn't lost by a wrong key: whoever leaves it is asked first.
import { onBeforeUnmount, onMounted } from "vue";
import { onBeforeRouteLeave, onBeforeRouteUpdate } from "vue-router";
import { discarded, session } from "./session";
import { t } from "./words";

const forms = new Set<() => boolean>();

/** Ask before all that stands on the page goes. */
export function mayLeaveAll(): boolean {
  return ![...forms].some((dirty) => dirty()) || window.confirm(t("unsaved.leave"));
}

/** Guard a form's page; return what a dialog asks before it closes. */
export function useUnsaved(dirty: () => boolean): () => boolean {
  const mayLeave = () => !dirty() || window.confirm(t("unsaved.leave"));
  // Whoever logged out or gave the page up was asked, or has said so.
  const mayGo = () => !session.value || mayLeave();

  function warn(event: BeforeUnloadEvent): void {
    if (dirty() && !discarded()) event.preventDefault();
  }

  onBeforeRouteLeave(mayGo);
  onBeforeRouteUpdate((to, from) => to.path === from.path || mayGo());
  onMounted(() => {
    forms.add(dirty);
    window.addEventListener("beforeunload", warn);
  });
  onBeforeUnmount(() => {
    forms.delete(dirty);
    window.removeEventListener("beforeunload", warn);
  });
  return mayLeave;
}
