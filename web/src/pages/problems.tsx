import { getAccounts, getRefused, type Account, type Refused, type ServerStatus, type Stalled } from "../api";
import * as format from "../format";
import { useRepeated, useStream, useThrottled } from "../hooks";
import { More, usePages } from "../parts/pages";
import { Ago } from "../parts/time";
import { App, Badge, Empty, Id, PageHead, Scroll, Section, Show, StalledBadge, longestId } from "../parts/ui";
import { href } from "../route";
import { useServer } from "../shell";
import { text } from "../text";

const t = text.problems;
const firstRows = 7; // so that the refused webhooks below are in sight

function Stuck({ accounts }: { accounts: Account[] }) {
  return (
    <Scroll label={t.stuckCaption}>
      <table class="fitted">
        <caption class="offscreen">{t.stuckCaption}</caption>
        <thead>
          <tr>
            <th scope="col">{t.account}</th>
            <th scope="col">{t.problem}</th>
            <th scope="col">{t.user}</th>
            <th scope="col" class="number">
              {t.attempts}
            </th>
            <th scope="col" class="end">
              {t.started}
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
              <td>{account.stalled ? <StalledBadge stalled={account.stalled} /> : null}</td>
              <td data-label={t.user} class={account.user_id ? undefined : "nothing"}>
                <Id value={account.user_id} most={longestId} />
              </td>
              <td class="number" data-label={t.attempts}>
                {format.number(account.attempts)}
              </td>
              <td class="end">
                <Ago time={account.started_at ?? account.first_seen_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function RefusedTable({ items }: { items: Refused[] }) {
  return (
    <Scroll label={t.refusedCaption}>
      <table class="fitted refused">
        <caption class="offscreen">{t.refusedCaption}</caption>
        <thead>
          <tr>
            <th scope="col">{t.reason}</th>
            <th scope="col">{t.account}</th>
            <th scope="col">{t.from}</th>
            <th scope="col" class="number">
              {t.size}
            </th>
            <th scope="col" class="end">
              {t.at}
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item, row) => (
            <tr key={`${item.at} ${row}`}>
              <th scope="row" class="reason">
                <Badge tone="bad" icon="cross" title={item.code}>
                  {t.codes[item.code] ?? item.code}
                </Badge>
                <span class="muted small-text">{item.message}</span>
              </th>
              <td data-label={t.account} class={item.connected_account_id ? undefined : "nothing"}>
                {item.connected_account_id ? (
                  <a href={href("accounts", item.connected_account_id)}>
                    <Id value={item.connected_account_id} most={24} />
                  </a>
                ) : (
                  <span class="muted">{text.none}</span>
                )}
              </td>
              <td data-label={t.from}>{item.from ?? text.none}</td>
              <td class="number" data-label={t.size}>
                {format.bytes(item.bytes)}
              </td>
              <td class="end">
                <Ago time={item.at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const begun = (account: Account): number => Date.parse(account.started_at ?? account.first_seen_at);

const stalledAs = (stalled: Stalled) => (cursor: string | null, limit: number, signal: AbortSignal) =>
  getAccounts({ stalled, cursor, limit }, signal);

// The slow began later than the abandoned, so the abandoned follow when all of the slow are there.
function StuckSection({ status }: { status: ServerStatus | undefined }) {
  const slow = usePages(stalledAs("slow"), firstRows, []);
  const abandoned = usePages(stalledAs("abandoned"), firstRows, []);
  const refresh = useThrottled(() => {
    slow.reload();
    abandoned.reload();
  }, 3000);
  useStream({ onBatch: (batch) => (batch.accounts.length > 0 ? refresh() : undefined), onOpen: (again) => (again ? refresh() : undefined) }, []);
  const help = status ? t.stuckHelp(format.duration(status.slow_after_s), format.duration(status.abandoned_after_s)) : undefined;
  return (
    <Section title={t.stuck} help={help} flush>
      <Show loaded={slow}>
        {(first) => (
          <Show loaded={abandoned}>
            {(rest) => {
              const accounts = [...first.items, ...(first.next === null ? rest.items : [])].sort((a, b) => begun(b) - begun(a));
              return accounts.length === 0 ? (
                <Empty icon="check" title={t.stuckNone}>
                  {t.stuckNoneHelp}
                </Empty>
              ) : (
                <Stuck accounts={accounts} />
              );
            }}
          </Show>
        )}
      </Show>
      <More pages={slow.data?.next ? slow : abandoned} />
    </Section>
  );
}

function RefusedSection() {
  const refused = usePages((cursor, limit, signal) => getRefused({ cursor, limit }, signal), 50, []);
  useRepeated(refused.reload, 5000);
  return (
    <Section title={t.refused} help={t.refusedHelp} flush>
      <Show loaded={refused}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="shield" title={t.refusedNone}>
              {t.refusedNoneHelp}
            </Empty>
          ) : (
            <RefusedTable items={items} />
          )
        }
      </Show>
      <More pages={refused} />
    </Section>
  );
}

export function ProblemsPage() {
  const { data: status } = useServer();
  return (
    <>
      <PageHead title={text.pages.problems} intro={t.intro} />
      <StuckSection status={status} />
      <RefusedSection />
    </>
  );
}
