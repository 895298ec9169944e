import { useEffect, useState } from "preact/hooks";
import { getAccount, serverNow, type Account, type AccountDetail, type Attempt, type Outcome, type WebhookEvent } from "../api";
import * as format from "../format";
import { useLoad, useStream, useThrottled } from "../hooks";
import { EventPanel, eventLook, eventName, SignatureBadge } from "../parts/event-detail";
import { Icon, type IconName } from "../parts/icon";
import { Ago, When } from "../parts/time";
import { App, Badge, CopyButton, Empty, Facts, Id, Notice, Scroll, Section, Show, StalledBadge, StatusBadge, type Tone } from "../parts/ui";
import { href } from "../route";
import { text } from "../text";

const t = text.account;

function Head({ id, account }: { id: string; account: Account | undefined }) {
  return (
    <header class="page-head account-head">
      <div>
        <a class="back" href={href("accounts")}>
          <Icon name="back" />
          {t.back}
        </a>
        <div class="title-line">
          <h1 tabIndex={-1}>
            <span class="id">{id}</span>
          </h1>
          <CopyButton value={id} label={t.copyId}>
            {text.copy}
          </CopyButton>
        </div>
        {account ? (
          <p class="badges">
            <App name={account.app} />
            <StatusBadge status={account.status} />
            {account.stalled ? <StalledBadge stalled={account.stalled} /> : null}
          </p>
        ) : null}
      </div>
    </header>
  );
}

// Seconds since a moment, counting on while the page is open.
function useSince(time: string | null): number {
  const [now, setNow] = useState(serverNow());
  useEffect(() => {
    if (time === null) return undefined;
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, [time]);
  return time === null ? 0 : Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
}

const isWaiting = (account: Account): boolean => account.status === "INITIATED" || account.status === "INITIALIZING";

function Open({ account }: { account: Account }) {
  const waiting = isWaiting(account);
  const seconds = useSince(waiting ? account.started_at : null);
  if (!waiting || account.started_at === null) return null;
  const duration = format.duration(seconds);
  if (account.stalled === "abandoned") return <Notice tone="bad" icon="warning" title={t.abandoned(duration)} />;
  if (account.stalled === "slow") return <Notice tone="warn" icon="clock" title={t.slow(duration)} />;
  return <Notice tone="info" icon="progress" title={t.waiting(duration)} />;
}

function Summary({ account }: { account: Account }) {
  return (
    <section class="card">
      <Facts
        rows={[
          [t.timeToConnect, format.duration(account.time_to_connect_s)],
          [t.user, <Id value={account.user_id} />],
          [t.integration, account.integration_name ?? text.none],
          [t.integrationId, <Id value={account.integration_id} />],
          [t.firstSeen, <Ago time={account.first_seen_at} />],
          [t.started, <Ago time={account.started_at} />],
          [t.completed, <Ago time={account.completed_at} />],
          account.status_reason ? [t.reason, account.status_reason] : null,
        ]}
      />
    </section>
  );
}

type Look = [Tone, IconName, string];

const outcomeLook: Record<Outcome, Look> = {
  pending: ["info", "progress", text.outcome.pending],
  completed: ["good", "check", text.outcome.completed],
  failed: ["bad", "cross", text.outcome.failed],
  expired: ["warn", "clock", text.outcome.expired],
  abandoned: ["bad", "warning", text.outcome.abandoned],
};

// Somebody tried again, or the account went another way: nobody waits for this one any more.
const unfinished: Look = ["quiet", "circle", t.unfinished];

function Took({ attempt, waiting }: { attempt: Attempt; waiting: boolean }) {
  const seconds = useSince(waiting ? attempt.started_at : null);
  if (waiting && attempt.started_at) return <>{t.soFar(format.duration(seconds))}</>;
  if (attempt.time_to_connect_s !== null) return <>{format.duration(attempt.time_to_connect_s)}</>;
  if (attempt.started_at && attempt.ended_at) return <>{format.duration(format.secondsBetween(attempt.started_at, attempt.ended_at))}</>;
  return <>{text.none}</>;
}

function Attempts({ attempts, open }: { attempts: Attempt[]; open: boolean }) {
  const newestFirst = [...attempts].sort((a, b) => (b.started_at ?? "").localeCompare(a.started_at ?? ""));
  return (
    <Section title={t.attempts} flush>
      <Scroll label={t.attemptsCaption}>
        <table>
          <caption class="offscreen">{t.attemptsCaption}</caption>
          <thead>
            <tr>
              <th scope="col">{t.started}</th>
              <th scope="col">{t.outcome}</th>
              <th scope="col" class="end-number">
                {t.took}
              </th>
            </tr>
          </thead>
          <tbody>
            {newestFirst.map((attempt, row) => {
              const pending = attempt.outcome === "pending";
              const waiting = pending && open && row === 0;
              const [tone, icon, words] = pending && !waiting ? unfinished : outcomeLook[attempt.outcome];
              return (
                <tr key={`${attempt.started_at} ${row}`}>
                  <td>
                    <Ago time={attempt.started_at} />
                  </td>
                  <td>
                    <Badge tone={tone} icon={icon}>
                      {words}
                    </Badge>
                  </td>
                  <td class="end-number">
                    <Took attempt={attempt} waiting={waiting} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

const happened = (event: WebhookEvent): string => event.occurred_at ?? event.received_at;
const lateAfterSeconds = 2;

function Gap({ from, to }: { from: WebhookEvent; to: WebhookEvent }) {
  const seconds = format.secondsBetween(happened(from), happened(to));
  return <p class="gap">{seconds < 0.001 ? t.sameTime : t.later(format.duration(seconds))}</p>;
}

function Step({ event, before }: { event: WebhookEvent; before: WebhookEvent | undefined }) {
  const [open, setOpen] = useState(false);
  const name = eventName(event);
  const [tone, icon] = eventLook(event.type);
  const late = event.occurred_at ? format.secondsBetween(event.occurred_at, event.received_at) : 0;
  return (
    <li class={open ? "step open" : "step"}>
      {before ? <Gap from={before} to={event} /> : null}
      <div class="step-line">
        <span class={`event-icon ${tone}`}>
          <Icon name={icon} />
        </span>
        <div class="step-body">
          <h3>
            <button type="button" class="expand" aria-expanded={open} onClick={() => setOpen(!open)}>
              <span class="event-name">{name}</span>
              <Icon name="chevron" />
            </button>
          </h3>
          <p class="step-facts muted small-text">
            <When time={happened(event)} />
            {late > lateAfterSeconds ? <span>{t.arrivedLate(format.duration(late))}</span> : null}
          </p>
        </div>
        <span class="step-signature">
          <SignatureBadge verified={event.verified} />
        </span>
      </div>
      {open ? <EventPanel event={event} linked={false} /> : null}
    </li>
  );
}

function Timeline({ events, more }: { events: WebhookEvent[]; more: boolean }) {
  return (
    <Section title={t.timeline} help={t.timelineHelp}>
      {more ? <p class="muted small-text">{t.truncated(events.length)}</p> : null}
      <ol class="timeline">
        {events.map((event, index) => (
          <Step key={event.seq} event={event} before={events[index - 1]} />
        ))}
      </ol>
    </Section>
  );
}

function Contents({ detail }: { detail: AccountDetail }) {
  return (
    <>
      <Open account={detail.account} />
      <div class="account">
        <Timeline events={detail.timeline} more={detail.timeline_next !== null} />
        <div class="aside">
          <Summary account={detail.account} />
          {detail.attempts.length > 0 ? <Attempts attempts={detail.attempts} open={isWaiting(detail.account)} /> : null}
        </div>
      </div>
    </>
  );
}

export function AccountPage({ id }: { id: string }) {
  const loaded = useLoad((signal) => getAccount(id, signal), [id]);
  const refresh = useThrottled(loaded.reload, 500);
  useStream({ filter: { connected_account_id: id }, onBatch: refresh, onOpen: (again) => (again ? refresh() : undefined) }, [id]);
  const missing = loaded.failure?.kind === "missing";
  return (
    <>
      <Head id={id} account={loaded.data?.account} />
      {missing ? (
        <Empty icon="accounts" title={t.missing}>
          {t.missingHelp}
        </Empty>
      ) : (
        <Show loaded={loaded} lines={8}>
          {(detail) => <Contents detail={detail} />}
        </Show>
      )}
    </>
  );
}
