import { useState } from "preact/hooks";
import { getAccounts, type Account } from "../api";
import * as format from "../format";
import { useStream } from "../hooks";
import { AppSelect, TextFilter, useApps } from "../parts/filters";
import { FirstSteps } from "../parts/first-steps";
import { More, usePages } from "../parts/pages";
import { Ago } from "../parts/time";
import { App, Empty, HeldButton, Id, PageHead, Scroll, Select, Show, StalledBadge, StatusBadge, longestId } from "../parts/ui";
import { href, setQuery } from "../route";
import { useServer } from "../shell";
import type { Batch } from "../stream";
import { text } from "../text";

const t = text.accounts;
const pageRows = 50;

// People type beginnings; the server takes a star for that after three letters or digits. What has none of them is no word.
const lastWord = /[\p{L}\p{N}\p{M}]+(?=[^\p{L}\p{N}\p{M}]*$)/u;

function searchWords(typed: string): string {
  return typed
    .split(/\s+/)
    .map((word) => word.replace(/\*+$/, ""))
    .filter((word) => lastWord.test(word))
    .map((word) => ([...(lastWord.exec(word)?.[0] ?? "")].length >= 3 ? `${word}*` : word))
    .join(" ");
}

function Table({ accounts }: { accounts: Account[] }) {
  return (
    <Scroll label={t.caption}>
      <table class="fitted">
        <caption class="offscreen">{t.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{t.account}</th>
            <th scope="col">{t.status}</th>
            <th scope="col">{t.user}</th>
            <th scope="col" class="number">
              {t.attempts}
            </th>
            <th scope="col" class="number">
              {t.timeToConnect}
            </th>
            <th scope="col" class="end">
              {t.lastEvent}
            </th>
          </tr>
        </thead>
        <tbody>
          {accounts.map((account) => (
            <tr key={account.id}>
              <th scope="row">
                <a class="row-link" href={href("accounts", account.id)}>
                  <App name={account.app} />
                  <Id value={account.id} most={longestId} />
                </a>
              </th>
              <td>
                <span class="badges">
                  <StatusBadge status={account.status} />
                  {account.stalled ? <StalledBadge stalled={account.stalled} /> : null}
                </span>
              </td>
              <td data-label={t.user} class={account.user_id ? undefined : "nothing"}>
                <Id value={account.user_id} most={longestId} />
              </td>
              <td class="number" data-label={t.attempts}>
                {format.number(account.attempts)}
              </td>
              <td class={account.time_to_connect_s === null ? "number nothing" : "number"} data-label={t.timeToConnect}>
                {format.duration(account.time_to_connect_s)}
              </td>
              <td class="end">
                <Ago time={account.last_event_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const statuses = Object.entries(text.status).map(([value, label]) => ({ value, label }));
const stalls = Object.entries(text.stalled).map(([value, label]) => ({ value, label }));

function Filters({ query, apps }: { query: URLSearchParams; apps: string[] }) {
  const value = (name: string) => query.get(name) ?? "";
  const set = (name: string) => (next: string) => setQuery({ [name]: next });
  const filtered = ["q", "app", "status", "stalled"].some((name) => value(name) !== "");
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <TextFilter label={t.search} hint={t.searchHint} value={value("q")} onChange={set("q")} search />
      <AppSelect apps={apps} value={value("app")} onChange={set("app")} />
      <Select label={t.status} empty={text.any} options={statuses} value={value("status")} onChange={set("status")} />
      <Select label={t.stalled} empty={text.any} options={stalls} value={value("stalled")} onChange={set("stalled")} />
      {filtered ? (
        <button type="button" class="button" onClick={() => setQuery({ q: "", app: "", status: "", stalled: "" })}>
          {text.clear}
        </button>
      ) : null}
    </form>
  );
}

// Rows change in place as the stream tells; rows that would come in above are counted and wait for a click.
function useLiveRows(accounts: Account[]): { rows: Account[]; fresh: number; onBatch(batch: Batch): void } {
  const [changed, setChanged] = useState<ReadonlyMap<string, Account>>(new Map());
  const known = new Set(accounts.map((account) => account.id));
  const newestSeen = accounts[0]?.first_seen_at ?? "";
  const rows = accounts.map((account) => changed.get(account.id) ?? account);
  const fresh = [...changed.values()].filter((account) => !known.has(account.id) && account.first_seen_at > newestSeen).length;
  const onBatch = (batch: Batch) => {
    if (batch.accounts.length === 0) return;
    setChanged((old) => {
      const next = new Map(old);
      for (const account of batch.accounts) {
        next.delete(account.id);
        next.set(account.id, account);
      }
      // Bounded: the oldest news go first.
      for (const id of next.keys()) {
        if (next.size <= 2000) break;
        next.delete(id);
      }
      return next;
    });
  };
  return { rows, fresh, onBatch };
}

export function AccountsPage({ query }: { query: URLSearchParams }) {
  const server = useServer();
  const apps = useApps();
  const q = searchWords(query.get("q") ?? "");
  const app = query.get("app") ?? "";
  const status = query.get("status") ?? "";
  const stalled = query.get("stalled") ?? "";
  const filtered = [q, app, status, stalled].some((value) => value !== "");
  const pages = usePages(
    (cursor, limit, signal) => getAccounts({ q, app, status, stalled, cursor, limit }, signal),
    pageRows,
    [q, app, status, stalled],
  );
  const untouched = server.data?.journal.last_seq === 0;
  const live = useLiveRows(pages.data?.items ?? []);
  const onBatch = (batch: Batch) => {
    if (untouched) {
      server.reload();
      pages.reload();
    }
    live.onBatch(batch);
  };
  useStream({ onBatch, onOpen: (again) => (again ? pages.reload() : undefined) }, []);
  return (
    <>
      <PageHead title={text.pages.accounts} intro={t.intro} />
      {untouched && server.data ? (
        <FirstSteps status={server.data} />
      ) : (
        <>
          <Filters query={query} apps={apps} />
          <div class="status-line">
            <p class="muted small-text" role="status">
              {pages.busy && filtered ? text.searchingFurther : pages.data ? t.shown(live.rows.length) : text.loading}
            </p>
            {live.fresh > 0 && !filtered ? <HeldButton words={t.fresh(live.fresh)} onClick={pages.reload} /> : null}
          </div>
          <div class={pages.busy && pages.data ? "card flush refreshing" : "card flush"} aria-busy={pages.busy}>
            <Show loaded={pages} lines={10}>
              {() => (live.rows.length > 0 ? <Table accounts={live.rows} /> : <Empty icon="accounts" title={t.empty}>{t.emptyHelp}</Empty>)}
            </Show>
            <More pages={pages} />
          </div>
        </>
      )}
    </>
  );
}
