// What places are called: entries name them by their code.
import { reactive } from "vue";
import { api, taken } from "../../api/client";
import { may } from "../../session";
import { placeCalled } from "../../values";

/** Return a place's name by its code, empty until it is known, and for who may not see the place. */
export function placeNames(): (code: string) => string {
  const names = reactive(new Map<string, string>());
  const asked = new Set<string>();
  let turn = Promise.resolve();

  async function ask(code: string): Promise<void> {
    try {
      const found = await taken(api.GET("/api/places/{code}", { params: { path: { code } } }));
      names.set(code, placeCalled(found.name));
    } catch {
      // its code is a name as well
    }
  }

  return (code) => {
    if (!asked.has(code) && may("place.read")) {
      asked.add(code);
      turn = turn.then(() => ask(code)); // one at a time: a page of entries may name a hundred
    }
    return names.get(code) ?? "";
  };
}
