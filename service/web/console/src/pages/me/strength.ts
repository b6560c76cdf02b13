// What the service asks of a password, as far as it can be told while typing.
const SHORTEST = 12;
const FEWEST_DIFFERENT = 5;
/** What is left of a password without the login must be worth something. */
const LEAST_BESIDES = SHORTEST - 4;

export const RULES = ["length", "different", "login", "new"] as const;
export type Rule = (typeof RULES)[number];

export function kept(password: string, login: string, before: string): Record<Rule, boolean> {
  const plain = password.toLowerCase();
  const name = login.toLowerCase();
  const rest = plain.replaceAll(name, "");
  return {
    length: [...password].length >= SHORTEST,
    different: new Set(plain).size >= FEWEST_DIFFERENT,
    login: !!password && !(name.length > 2 && plain.includes(name) && [...rest].length < LEAST_BESIDES),
    new: !!password && password !== before,
  };
}
