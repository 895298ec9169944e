// Everything about one event: facts, payload, headers, signature, and ways to take it elsewhere.
import { useMemo, useState } from "preact/hooks";
import { getEvent, getRawBody, type EventDetail, type WebhookEvent } from "../api";
import { useLoad } from "../hooks";
import { pretty } from "../json-text";
import { href } from "../route";
import { text } from "../text";
import { webhookUrl } from "../webhook";
import type { IconName } from "./icon";
import { JsonView } from "./json";
import { When } from "./time";
import { Badge, CopyButton, Facts, FailureNotice, Id, type Tone } from "./ui";

const canBeSeen = /[^\s\p{C}]/u;

// What is not known goes by its own type. No two types have one name: the filter of Live goes by types.
export function eventName({ type, shape }: WebhookEvent): string {
  if (!type || !canBeSeen.test(type)) return text.untyped;
  if (shape === "v1" || shape === "v2") return text.triggerNamed(type);
  return text.eventName[type] ?? type;
}

// By what it means for the connection, so that the eye finds the ends.
export function eventLook(type: string | null): [Tone, IconName] {
  if (!type) return ["quiet", "circle"];
  if (type.endsWith(".start")) return ["info", "progress"];
  if (type.endsWith(".completed") || type.endsWith(".activated")) return ["good", "check"];
  if (type.endsWith(".failed")) return ["bad", "cross"];
  if (type.endsWith(".expired") || type.endsWith(".disabled")) return ["warn", "clock"];
  if (type.includes(".delete")) return ["quiet", "cross"];
  return ["quiet", "bolt"];
}

export function SignatureBadge({ verified }: { verified: boolean | null }) {
  if (verified === true)
    return (
      <Badge tone="good" icon="check">
        {text.event.verified}
      </Badge>
    );
  if (verified === false)
    return (
      <Badge tone="bad" icon="cross">
        {text.event.unverified}
      </Badge>
    );
  return (
    <Badge tone="quiet" icon="circle">
      {text.event.unchecked}
    </Badge>
  );
}

// Set by the client for its own connection; repeating them would be wrong.
const ownHeaders = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding", "expect", "keep-alive"]);

const quoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;

export function curlCommand(url: string, headers: Record<string, string>, body: string): string {
  const lines = [`curl ${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) {
    if (!ownHeaders.has(name)) lines.push(`  -H ${quoted(`${name}: ${value}`)}`);
  }
  if (!headers["content-type"]) lines.push("  -H 'content-type:'"); // or curl would invent one
  lines.push(`  --data-raw ${quoted(body)}`);
  return lines.join(" \\\n");
}

function HeaderTable({ headers }: { headers: Record<string, string> }) {
  const rows = Object.entries(headers);
  if (rows.length === 0) return <p class="muted">{text.event.noHeaders}</p>;
  return (
    <table class="headers">
      <caption class="offscreen">{text.event.headersCaption}</caption>
      <thead class="offscreen">
        <tr>
          <th scope="col">{text.event.header}</th>
          <th scope="col">{text.event.value}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function EventFacts({ event, detail, linked }: { event: WebhookEvent; detail: EventDetail | undefined; linked: boolean }) {
  const t = text.event;
  const account = event.connected_account_id;
  return (
    <Facts
      rows={[
        [t.signature, <SignatureBadge verified={event.verified} />],
        linked && account ? [t.account, <a href={href("accounts", account)}><Id value={account} /></a>] : null,
        [t.occurred, <When time={event.occurred_at} />],
        [t.received, <When time={event.received_at} />],
        event.user_id ? [t.user, <Id value={event.user_id} />] : null,
        [t.type, <Id value={event.type} />],
        event.integration_name ? [t.integration, event.integration_name] : null,
        [t.id, <Id value={event.id} />],
        [t.seq, event.seq],
        [t.shape, event.shape],
        detail?.from ? [t.from, detail.from] : null,
        event.duplicates > 0 ? [t.duplicates, event.duplicates] : null,
      ]}
    />
  );
}

// `linked`: names the account with a link, for where the account is not the page.
export function EventPanel({ event, linked }: { event: WebhookEvent; linked: boolean }) {
  const t = text.event;
  const Heading = linked ? "h2" : "h4"; // below the page's heading, or below the step's
  const [reveal, setReveal] = useState(false);
  const [byHand, setByHand] = useState<string | null>(null);
  // Two answers, so that credentials are gone at once when they are to be hidden again.
  const hidden = useLoad((signal) => getEvent(event.seq, false, signal), [event.seq]);
  const revealed = useLoad(async (signal) => (reveal ? getEvent(event.seq, true, signal) : null), [event.seq, reveal]);
  const open = reveal ? revealed.data : null;
  const loaded = reveal && !open ? revealed : hidden;
  const detail = open ?? hidden.data;
  const payload = useMemo(() => (detail ? pretty(detail.payload) : ""), [detail]);
  const curl = async () => {
    const [body, full] = await Promise.all([getRawBody(event.seq), getEvent(event.seq, true)]);
    return curlCommand(await webhookUrl(), full.headers, body);
  };
  return (
    <div class="event-panel">
      <EventFacts event={event} detail={detail} linked={linked} />
      <div class="event-payload">
        <div class="bar">
          <Heading>{t.payload}</Heading>
          <span class="bar-tools">
            <button type="button" class="button small" aria-pressed={reveal} onClick={() => setReveal(!reveal)}>
              {reveal ? t.hide : t.reveal}
            </button>
            <CopyButton value={payload} label={t.copyPayload} onFail={setByHand} />
            <CopyButton value={curl} label={t.copyCurl} onFail={setByHand} />
          </span>
        </div>
        {loaded.failure ? <FailureNotice failure={loaded.failure} onRetry={loaded.reload} /> : null}
        {detail ? <JsonView source={payload} label={t.payload} /> : loaded.failure ? null : <p class="muted">{text.loading}</p>}
        <p class="muted small-text">
          {open ? t.revealedNote : t.redactedNote} {t.curlNote}
        </p>
        {byHand === null ? null : <ByHand value={byHand} />}
        {detail ? <Heading>{t.headers}</Heading> : null}
        {detail ? <HeaderTable headers={detail.headers} /> : null}
      </div>
    </div>
  );
}

export function ByHand({ value }: { value: string }) {
  return (
    <label class="field by-hand">
      <span>{text.copyFailed}</span>
      <textarea readOnly rows={6} value={value} onFocus={(event) => event.currentTarget.select()} />
    </label>
  );
}
