import { useCallback, useEffect, useReducer, useRef, useState } from "preact/hooks";
import { getEvents, getStatus, type Query, type WebhookEvent } from "../api";
import * as format from "../format";
import { memo, useLoad, useMedia, useStream } from "../hooks";
import { LiveList, rowBound } from "../live-list";
import { EventPanel, eventLook, eventName, SignatureBadge } from "../parts/event-detail";
import { AppSelect, TextFilter, useApps } from "../parts/filters";
import { FirstSteps } from "../parts/first-steps";
import { Icon } from "../parts/icon";
import { Ago } from "../parts/time";
import { App, Empty, HeldButton, Id, PageHead, Show } from "../parts/ui";
import { href, setQuery } from "../route";
import { useServer } from "../shell";
import { Store, useStore } from "../store";
import { link, type Batch } from "../stream";
import { text } from "../text";

const t = text.live;
const historyRows = 100;

// Rows below the screen cost as much as those on it. At first and in a flood only a screenful of the newest is drawn; the others follow bit
// by bit as soon as somebody may want them: when rows are held, or when it has been quiet.
const screenRows = 30;
const floodBatch = 20; // events at once
const quietMs = 1000;
const growRows = 25;
const growMs = 100;

// How many columns the style sheet leaves: an open row spans those, and one more would be made for a larger number.
const narrow = "(max-width: 900px)";
// Characters, so that both ends of an id are seen.
const idOnNarrow = 14;
const idOnWide = 20;

interface RowProperties {
  event: WebhookEvent;
  open: boolean;
  span: number;
  onToggle(seq: number): void;
}

const Row = memo<RowProperties>(({ event, open, span, onToggle }) => {
  const name = eventName(event);
  const [tone, icon] = eventLook(event.type);
  return (
    <>
      <tr class={open ? "event open" : "event"} data-seq={event.seq}>
        <td class="event-cell">
          <button type="button" class="expand" aria-expanded={open} onClick={() => onToggle(event.seq)}>
            <Icon name="chevron" />
            <span class={`event-icon ${tone}`}>
              <Icon name={icon} />
            </span>
            <span class="event-words">
              <span class="event-name">{name}</span>
              <span class="narrow-show muted small-text">
                <span>{event.app}</span>
                <span class="id">{format.shortened(event.connected_account_id ?? "", idOnNarrow)}</span>
              </span>
            </span>
          </button>
        </td>
        <td class="narrow-hide">
          <App name={event.app} />
        </td>
        <td class="narrow-hide">
          {event.connected_account_id ? (
            <a class="id" href={href("accounts", event.connected_account_id)} title={event.connected_account_id}>
              {format.shortened(event.connected_account_id, idOnWide)}
            </a>
          ) : (
            <span class="muted">{text.none}</span>
          )}
        </td>
        <td class="wide">
          <Id value={event.user_id} />
        </td>
        <td class="wide">
          <SignatureBadge verified={event.verified} />
        </td>
        <td class="end">
          <Ago time={event.received_at} />
        </td>
      </tr>
      {open ? (
        <tr class="panel-row">
          <td colSpan={span}>
            <EventPanel event={event} linked />
          </td>
        </tr>
      ) : null}
    </>
  );
});

function Feed({ rows, open, onToggle }: { rows: WebhookEvent[]; open: ReadonlySet<number>; onToggle(seq: number): void }) {
  const span = useMedia(narrow) ? 2 : 6;
  return (
    <table class="feed">
      <caption class="offscreen">{t.caption}</caption>
      <thead>
        <tr>
          <th scope="col">{t.event}</th>
          <th scope="col" class="narrow-hide col-app">
            {t.app}
          </th>
          <th scope="col" class="narrow-hide col-account">
            {text.accounts.account}
          </th>
          <th scope="col" class="wide col-user">
            {t.user}
          </th>
          <th scope="col" class="wide col-signature">
            {t.signature}
          </th>
          <th scope="col" class="end col-time">
            {t.time}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((event) => (
          <Row key={event.seq} event={event} open={open.has(event.seq)} span={span} onToggle={onToggle} />
        ))}
      </tbody>
    </table>
  );
}

// Events per second over the last ten seconds.
function useRate(): [string, (count: number) => void] {
  const counts = useRef<number[]>([0]);
  const [rate, setRate] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      const list = counts.current;
      setRate(list.reduce((sum, count) => sum + count, 0) / list.length);
      list.push(0);
      if (list.length > 10) list.shift();
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  const count = useCallback((more: number) => {
    const list = counts.current;
    list[list.length - 1] = (list.at(-1) ?? 0) + more;
  }, []);
  return [rate < 10 ? format.decimal(rate) : format.number(Math.round(rate)), count];
}

// Somebody reads when rows are scrolled, open, under the pointer, or hold the focus. New rows wait until that is over.
function isReading(frame: HTMLElement | null, open: ReadonlySet<number>): boolean {
  if (!frame) return false;
  const body = frame.querySelector("tbody");
  return (
    open.size > 0 ||
    frame.getBoundingClientRect().top < 0 ||
    Boolean(body?.matches(":hover") && matchMedia("(hover: hover)").matches) ||
    Boolean(body?.contains(document.activeElement))
  );
}

// How many rows are drawn.
function useDrawn(list: LiveList, isHeld: () => boolean): [number, (comingIn: number) => void] {
  const [drawn, setDrawn] = useState(screenRows);
  const floodedAt = useRef(performance.now());
  const held = useRef(isHeld);
  held.current = isHeld;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!held.current() && performance.now() - floodedAt.current < quietMs) return;
      setDrawn((now) => (now < list.rows.length ? now + growRows : now));
    }, growMs);
    return () => clearInterval(timer);
  }, [list]);
  const bound = useCallback((comingIn: number) => {
    if (comingIn < floodBatch) return;
    floodedAt.current = performance.now();
    setDrawn(screenRows);
  }, []);
  return [drawn, bound];
}

interface StatusLineProperties {
  list: LiveList;
  paused: boolean;
  reading: boolean;
  rate: string;
  onPause(): void;
  onShow(): void;
}

function StatusLine({ list, paused, reading, rate, onPause, onShow }: StatusLineProperties) {
  const state = useStore(link);
  const held = reading && list.waitingCount > 0;
  const words = state === "lost" ? t.lost : state === "connecting" ? t.waiting : paused ? t.paused : held ? t.reading[0] : t.running;
  const look = state !== "live" ? state : paused || held ? "held" : "live";
  const over = list.waitingCount > list.waiting.length;
  return (
    <div class="status-line">
      <button type="button" class="button" onClick={onPause}>
        <Icon name={paused ? "play" : "pause"} />
        {paused ? t.resume : t.pause}
      </button>
      <p class={`link-state ${look}`}>
        <span class="dot" aria-hidden="true" />
        <span role="status" data-testid="feed-state">
          {words}
          {words === t.reading[0] ? <span class="wordy">{t.reading[1]}</span> : null}
        </span>
        <span class="muted rate">{t.rate(rate)}</span>
      </p>
      {list.waitingCount > 0 ? (
        <HeldButton words={over ? t.heldOver(list.waitingCount, rowBound) : t.held(list.waitingCount)} onClick={onShow} />
      ) : null}
    </div>
  );
}

function useList(history: WebhookEvent[], after: number, filter: Query, filterKey: string, onArrived: (count: number) => void) {
  const [, redraw] = useReducer((version: number) => version + 1, 0);
  const list = useRef<LiveList | null>(null);
  list.current ??= new LiveList(history);
  const [paused, setPaused] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const frame = useRef<HTMLDivElement>(null);
  const reading = isReading(frame.current, open);
  const isHeld = () => paused || isReading(frame.current, open);
  const [drawn, bound] = useDrawn(list.current, isHeld);

  const onBatch = (batch: Batch) => {
    if (batch.arrived === 0) return;
    onArrived(batch.arrived);
    noteTypes(batch.events);
    const hold = isHeld();
    if (!hold) bound(batch.arrived);
    list.current?.add(batch.events, batch.arrived, hold);
    redraw(0);
  };
  useStream({ filter, after, onBatch }, [filterKey]);

  const show = () => {
    bound(list.current?.waitingCount ?? 0);
    list.current?.release();
    redraw(0);
  };
  // What waits comes in when the reading is over.
  useEffect(() => {
    const timer = setInterval(() => {
      if (!list.current?.waitingCount || isHeld()) return;
      show();
    }, 500);
    return () => clearInterval(timer);
  }, [paused, open]);

  const toggle = useCallback(
    (seq: number) =>
      setOpen((old) => {
        const next = new Set(old);
        if (!next.delete(seq)) next.add(seq);
        return next;
      }),
    [],
  );
  const showNow = () => {
    setOpen(new Set());
    show();
    scrollTo(0, 0);
    // The rows are no longer what is being looked at.
    if (frame.current?.contains(document.activeElement)) (document.activeElement as HTMLElement).blur();
  };
  const pause = () => {
    setPaused(!paused);
    if (paused) show();
  };
  return { list: list.current, drawn, frame, paused, reading, open, toggle, showNow, pause, redraw: () => redraw(0) };
}

interface LiveFeedProperties {
  history: WebhookEvent[];
  next: string | null;
  after: number; // the last number that the history covers
  filter: Query;
  filterKey: string;
}

function LiveFeed({ history, next, after, filter, filterKey }: LiveFeedProperties) {
  const [rate, count] = useRate();
  const feed = useList(history, after, filter, filterKey, count);
  const [cursor, setCursor] = useState(next);
  const [busy, setBusy] = useState(false);
  const { list } = feed;
  const older = async () => {
    setBusy(true);
    try {
      const page = await getEvents({ ...filter, cursor, limit: historyRows });
      list.addOlder(page.items);
      noteTypes(page.items);
      setCursor(page.next);
    } catch {
      // The banner tells that the server is away; the button is still there.
    }
    setBusy(false);
  };
  return (
    <>
      <StatusLine list={list} paused={feed.paused} reading={feed.reading} rate={rate} onPause={feed.pause} onShow={feed.showNow} />
      <div class="card flush" ref={feed.frame}>
        {list.rows.length > 0 ? (
          <Feed rows={list.rows.slice(0, feed.drawn)} open={feed.open} onToggle={feed.toggle} />
        ) : (
          <Empty icon="live" title={filterKey === "{}" ? t.empty : t.emptyFiltered}>
            {t.emptyHelp}
          </Empty>
        )}
        {list.full || list.rows.length >= rowBound ? (
          <p class="muted small-text list-end">{t.bound(rowBound)}</p>
        ) : cursor ? (
          <div class="more">
            <button type="button" class="button" aria-disabled={busy} onClick={() => (busy ? undefined : void older())}>
              {busy ? text.loading : t.older}
            </button>
          </div>
        ) : null}
      </div>
    </>
  );
}

// Types are an open set: what can be chosen is what is known and what was seen here, and everything can be typed.
const typesBound = 200;
const types = new Store<readonly string[]>(Object.keys(text.eventName));

function noteTypes(events: readonly WebhookEvent[]): void {
  const known = new Set(types.get());
  for (const { type } of events) {
    if (type && known.size < typesBound) known.add(type);
  }
  if (known.size > types.get().length) types.set([...known]);
}

// The name of a type stands for it.
function typeOf(typed: string): string {
  const named = Object.entries(text.eventName).find(([, name]) => name.toLowerCase() === typed.toLowerCase());
  return named ? named[0] : typed;
}

export function LivePage({ query }: { query: URLSearchParams }) {
  const server = useServer();
  const apps = useApps();
  const offers = useStore(types).map((value) => ({ value, label: text.eventName[value] }));
  const app = query.get("app") ?? "";
  const type = query.get("type") ?? "";
  const account = query.get("account") ?? "";
  const filter: Query = Object.fromEntries(
    Object.entries({ app, type, connected_account_id: account }).filter(([, value]) => value !== ""),
  );
  const filterKey = JSON.stringify(filter);
  const loaded = useLoad(
    async (signal) => {
      // The stream goes on behind the newest event that was found. With a filter that may lie far back: what was tracked before the list
      // was asked for is in it, so that the stream need not go through it again.
      const tracked = filterKey === "{}" ? 0 : (await getStatus(signal)).tracker.seq;
      const page = await getEvents({ ...filter, limit: historyRows }, signal);
      noteTypes(page.items);
      return { ...page, after: Math.max(tracked, page.items[0]?.seq ?? 0), filter, filterKey };
    },
    [filterKey],
  );
  const filtered = filterKey !== "{}";
  const untouched = !filtered && server.data?.journal.last_seq === 0;
  useStream({ onBatch: server.reload }, [], untouched);
  return (
    <>
      <PageHead title={text.pages.live} intro={t.intro} />
      {untouched && server.data ? (
        <FirstSteps status={server.data} />
      ) : (
        <>
          <form class="filters" role="search" aria-label={t.filters} onSubmit={(event) => event.preventDefault()}>
            <AppSelect apps={apps} value={app} onChange={(value) => setQuery({ app: value })} />
            <TextFilter
              label={t.type}
              hint={t.typeHint}
              value={type}
              offers={offers}
              onChange={(value) => setQuery({ type: typeOf(value) })}
            />
            <TextFilter label={t.account} hint={t.accountHint} value={account} onChange={(value) => setQuery({ account: value })} />
            {filtered ? (
              <button type="button" class="button" onClick={() => setQuery({ app: "", type: "", account: "" })}>
                {text.clear}
              </button>
            ) : null}
          </form>
          <Show loaded={loaded} lines={10}>
            {(page) => (
              <LiveFeed
                key={page.filterKey}
                history={page.items}
                next={page.next}
                after={page.after}
                filter={page.filter}
                filterKey={page.filterKey}
              />
            )}
          </Show>
        </>
      )}
    </>
  );
}
