// Filters that live in the address, so that a filtered page can be sent to a colleague.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { getOnboarding } from "../api";
import { useLoad } from "../hooks";
import { text } from "../text";
import { Icon } from "./icon";
import { Select } from "./ui";

// The names of the apps of the last three months.
export function useApps(): string[] {
  const { data } = useLoad((signal) => getOnboarding({ since: "90d", by: "app", bucket: "day" }, signal), []);
  return (data?.groups ?? []).flatMap((group) => (group.key ? [group.key] : [])).sort((a, b) => a.localeCompare(b));
}

export function AppSelect({ apps, value, onChange }: { apps: string[]; value: string; onChange(value: string): void }) {
  return (
    <Select
      label={text.accounts.app}
      empty={text.any}
      options={apps.map((app) => ({ value: app, label: app }))}
      value={value}
      onChange={onChange}
    />
  );
}

interface TextFilterProperties {
  label: string;
  hint: string;
  value: string;
  search?: boolean;
  offers?: readonly { value: string; label?: string }[]; // what can be chosen; anything else can be typed
  onChange(value: string): void;
}

const settleMs = 300;
const longestText = 256; // the server's limit

// Passes on what was typed after a moment of rest, and at once on Enter.
export function TextFilter({ label, hint, value, search, offers, onChange }: TextFilterProperties) {
  const listId = useId();
  const [draft, setDraft] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setDraft(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const pass = (next: string, wait: number) => {
    setDraft(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(next.trim()), wait);
  };
  return (
    <label class={search ? "field grow" : "field"}>
      <span>{label}</span>
      <span class={search ? "with-icon" : undefined}>
        {search ? <Icon name="search" /> : null}
        <input
          type="search"
          autoComplete="off"
          autoCapitalize="none"
          spellcheck={false}
          maxLength={longestText}
          list={offers ? listId : undefined}
          placeholder={hint}
          value={draft}
          onInput={(event) => pass(event.currentTarget.value, settleMs)}
          onKeyDown={(event) => (event.key === "Enter" ? pass(event.currentTarget.value, 0) : undefined)}
        />
      </span>
      {offers ? (
        <datalist id={listId}>
          {offers.map((offer) => (
            <option key={offer.value} value={offer.value} label={offer.label} />
          ))}
        </datalist>
      ) : null}
    </label>
  );
}
