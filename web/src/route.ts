// Addresses inside the page: #/page/id?filters. Only the fragment changes, so no server or proxy has to know.
import { Store, useStore } from "./store";

export type Page = "onboarding" | "live" | "accounts" | "problems" | "settings";
export const pages: readonly Page[] = ["onboarding", "live", "accounts", "problems", "settings"];

export interface Route {
  page: Page | null; // null: no such page
  id: string | null;
  query: URLSearchParams;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function parse(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const [name = "", id] = path.split("/");
  const page = name === "" ? "onboarding" : (pages.find((known) => known === name) ?? null);
  return { page, id: id ? decode(id) : null, query: new URLSearchParams(query) };
}

const route = new Store<Route>(parse(location.hash));
addEventListener("hashchange", () => route.set(parse(location.hash)));

export const useRoute = (): Route => useStore(route);

export function href(page: Page, id?: string | null, query?: Record<string, string>): string {
  const tail = query ? new URLSearchParams(query).toString() : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${tail ? `?${tail}` : ""}`;
}

// Changes filters in the address without a new entry in the history.
export function setQuery(changes: Record<string, string>): void {
  const now = route.get();
  if (!now.page) return;
  const query = new URLSearchParams(now.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  history.replaceState(null, "", href(now.page, now.id, Object.fromEntries(query)));
  route.set(parse(location.hash));
}
