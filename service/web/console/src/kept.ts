// A browser that forbids storage throws: then a choice lasts as long as the page.

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`fengsui.${name}`);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`fengsui.${name}`, value);
  } catch {
    // nothing depends on it
  }
}
