// Light, dark, or what the system says. The choice stays in this browser.
import { Store } from "./store";

export type Choice = "system" | "light" | "dark";
export const choices: readonly Choice[] = ["system", "light", "dark"];

const key = "fairlead-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function remembered(): Choice {
  try {
    return choices.find((choice) => choice === localStorage.getItem(key)) ?? "system";
  } catch {
    return "system"; // storage may be forbidden
  }
}

export const themeChoice = new Store<Choice>(remembered());

// What is on the screen now; canvas drawings follow it.
export const theme = new Store<"light" | "dark">("light");

function apply(): void {
  const choice = themeChoice.get();
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  theme.set(choice === "system" ? (dark.matches ? "dark" : "light") : choice);
}

export function chooseTheme(choice: Choice): void {
  try {
    localStorage.setItem(key, choice);
  } catch {
    // It lasts until the page is closed, then.
  }
  themeChoice.set(choice);
  apply();
}

dark.addEventListener("change", apply);
apply();
