// Small things that every page uses.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Failure, Stalled } from "../api";
import * as format from "../format";
import type { Loaded } from "../hooks";
import { useStore } from "../store";
import { link } from "../stream";
import { table } from "../table";
import { text } from "../text";
import { Icon, type IconName } from "./icon";

export type Tone = "good" | "warn" | "bad" | "info" | "quiet";

export function Badge({ tone, icon, children, title }: { tone: Tone; icon: IconName; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge ${tone}`} title={title}>
      <Icon name={icon} />
      {children}
    </span>
  );
}

const statusLook = table<[Tone, IconName]>({
  INITIALIZING: ["info", "progress"],
  INITIATED: ["info", "progress"],
  ACTIVE: ["good", "check"],
  FAILED: ["bad", "cross"],
  EXPIRED: ["warn", "clock"],
  INACTIVE: ["quiet", "circle"],
  REVOKED: ["bad", "cross"],
  DELETED: ["quiet", "cross"],
});

export function StatusBadge({ status }: { status: string }) {
  const [tone, icon] = statusLook[status] ?? ["quiet", "circle"];
  return (
    <Badge tone={tone} icon={icon} title={status}>
      {text.status[status] ?? status}
    </Badge>
  );
}

export function StalledBadge({ stalled }: { stalled: Stalled }) {
  return stalled === "slow" ? (
    <Badge tone="warn" icon="clock">
      {text.stalled[stalled]}
    </Badge>
  ) : (
    <Badge tone="bad" icon="warning">
      {text.stalled[stalled]}
    </Badge>
  );
}

// The same letter in the same colour for an app, wherever it is named.
function hue(name: string): number {
  let sum = 0;
  for (let i = 0; i < name.length; i++) sum = (sum * 31 + name.charCodeAt(i)) % 997;
  return sum % 8;
}

export function App({ name }: { name: string | null }) {
  if (!name) return <span class="muted">{text.none}</span>;
  return (
    <span class="app">
      <span class={`mark hue-${hue(name)}`} aria-hidden="true">
        {name.charAt(0).toUpperCase()}
      </span>
      <span class="app-name" title={name}>
        {name}
      </span>
    </span>
  );
}

// Of an id in a list: a UUID and more.
export const longestId = 48; // characters

// Breaks where its parts meet, if it has to. `most`: the characters of one among many; a longer one is cut in its middle.
export function Id({ value, most = Infinity }: { value: string | null; most?: number }) {
  const parts = format.shortened(value ?? "", most).split(/(?<=[./@-])(?=\w)/);
  return value ? (
    <span class="id" title={value}>
      {parts.flatMap((part, index) => (index > 0 ? [<wbr key={index} />, part] : [part]))}
    </span>
  ) : (
    <span class="muted">{text.none}</span>
  );
}

function copyByHand(value: string): boolean {
  const area = document.createElement("textarea");
  area.value = value;
  area.className = "offscreen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

// navigator.clipboard exists on https and on this machine only; the old way works elsewhere.
async function copyText(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    return copyByHand(value);
  }
}

interface CopyProperties {
  value: string | (() => Promise<string>);
  label: string;
  children?: ComponentChildren; // what the button shows; the label if nothing
  onFail?(value: string): void; // shows the text, so that it can be copied by hand
}

export function CopyButton({ value, label, children, onFail }: CopyProperties) {
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    const content = typeof value === "string" ? value : await value().catch(() => null);
    if (content === null) return;
    if (!(await copyText(content))) {
      onFail?.(content);
      return;
    }
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 2000);
  };
  const shown = children ?? label;
  return (
    <button type="button" class={done ? "button small done" : "button small"} onClick={() => void copy()} aria-label={children ? label : undefined}>
      <Icon name={done ? "check" : "copy"} />
      {shown ? <span>{done ? text.copied : shown}</span> : null}
      <span class="offscreen" role="status">
        {done ? text.copied : ""}
      </span>
    </button>
  );
}

export function Notice({ tone, icon, title, children }: { tone: Tone; icon: IconName; title?: string; children?: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`}>
      <Icon name={icon} />
      <div>
        {title ? <strong>{title}</strong> : null}
        {children}
      </div>
    </div>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} />
      </span>
      <p class="empty-title">{title}</p>
      {children ? <div class="muted">{children}</div> : null}
    </div>
  );
}

// Grey lines where the content will be, and words when it takes long.
export function Waiting({ lines = 4 }: { lines?: number }) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 4000);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="waiting">
      <p class={slow ? "muted" : "offscreen"} role="status">
        {slow ? text.loadingSlow : text.loading}
      </p>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} class="skeleton" aria-hidden="true" />
      ))}
    </div>
  );
}

export function FailureNotice({ failure, onRetry }: { failure: Failure; onRetry(): void }) {
  return (
    <div role="alert">
      <Notice tone="bad" icon="warning" title={text.errors.title}>
        <p>
          {failure.message} {failure.passing ? text.retrying : null}
        </p>
        <button type="button" class="button small" onClick={onRetry}>
          {text.retry}
        </button>
      </Notice>
    </div>
  );
}

// The three ways a load can look: waiting, failed, there (possibly with an older answer and a failure on top).
export function Show<T>({ loaded, lines, children }: { loaded: Loaded<T>; lines?: number; children(data: T): ComponentChildren }) {
  const { data, failure, reload } = loaded;
  // That the server is away is told once for the page, which goes on showing what it has.
  const told = useStore(link) === "lost" && failure?.kind === "unreachable" && data !== undefined;
  return (
    <>
      {failure && !told && failure.kind !== "unauthorized" ? <FailureNotice failure={failure} onRetry={reload} /> : null}
      {data !== undefined ? children(data) : failure ? null : <Waiting lines={lines} />}
    </>
  );
}

export function PageHead({ title, intro, children }: { title: string; intro?: string; children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {intro ? <p class="muted">{intro}</p> : null}
      </div>
      {children ? <div class="page-tools">{children}</div> : null}
    </header>
  );
}

interface SectionProperties {
  title: string;
  help?: ComponentChildren;
  tools?: ComponentChildren;
  children: ComponentChildren;
  flush?: boolean; // the content reaches the edges: tables
}

export function Section({ title, help, tools, children, flush }: SectionProperties) {
  const id = useId();
  return (
    <section class={flush ? "card flush" : "card"} aria-labelledby={id}>
      <header class="card-head">
        <div>
          <h2 id={id}>{title}</h2>
          {help ? <p class="muted small-text">{help}</p> : null}
        </div>
        {tools}
      </header>
      {children}
    </section>
  );
}

interface ChoiceProperties {
  label: string;
  options: readonly { value: string; label: string; long?: string }[];
  value: string;
  onChange(value: string): void;
}

// A row of radio buttons that looks like one control.
export function Choice({ label, options, value, onChange }: ChoiceProperties) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class="offscreen">{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
            aria-label={option.long}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

// New rows wait behind this. A narrow screen shows the middle of its words; all of them are its name.
export function HeldButton({ words: [before, short, after], onClick }: { words: readonly [string, string, string]; onClick(): void }) {
  return (
    <button type="button" class="button primary held" onClick={onClick}>
      <Icon name="up" />
      <span>
        <span class="wordy">{before}</span>
        {short}
        <span class="wordy">{after}</span>
      </span>
    </button>
  );
}

interface SelectProperties extends ChoiceProperties {
  empty?: string;
}

export function Select({ label, options, value, onChange, empty }: SelectProperties) {
  const known = value === "" || options.some((option) => option.value === value);
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {empty ? <option value="">{empty}</option> : null}
        {known ? null : <option value={value}>{value}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}

// A table wider than the screen scrolls inside its own frame, also by keyboard.
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

export function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren] | null)[] }) {
  return (
    <dl class="facts">
      {rows.map((row) =>
        row ? (
          <div key={row[0]}>
            <dt>{row[0]}</dt>
            <dd>{row[1]}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}
