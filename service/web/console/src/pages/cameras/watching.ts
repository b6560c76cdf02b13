// What is to be done about a camera that isn't watched, by what its worker found.
import { t, word } from "../../words";

export function faultWords(fault: string): { what: string; advice: string } {
  const advice = word("fault_advice", fault);
  return { what: word("fault", fault), advice: advice === fault ? t("fault_advice.unknown") : advice };
}
