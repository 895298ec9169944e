import { useState } from "preact/hooks";
import type { Failure, ServerStatus } from "../api";
import { signOut } from "../api";
import * as format from "../format";
import { useStream, useThrottled } from "../hooks";
import { TestButton, WebhookAddress } from "../parts/first-steps";
import { Ago } from "../parts/time";
import { Choice, Facts, Notice, PageHead, Section, Show } from "../parts/ui";
import { useServer } from "../shell";
import { useStore } from "../store";
import { link } from "../stream";
import { text } from "../text";
import { choices, chooseTheme, themeChoice } from "../theme";

const t = text.settings;

// What was true when the server last answered says nothing about now.
function Ready({ status }: { status: ServerStatus }) {
  if (useStore(link) === "lost")
    return (
      <Notice tone="warn" icon="warning" title={t.unknown}>
        <p>{t.unknownHelp}</p>
      </Notice>
    );
  return status.ready ? (
    <Notice tone="good" icon="check" title={t.ready} />
  ) : (
    <Notice tone="bad" icon="warning" title={t.notReady}>
      <p>{status.not_ready_reason}</p>
    </Notice>
  );
}

function Health({ status }: { status: ServerStatus }) {
  return (
    <Section title={t.health}>
      <Ready status={status} />
      <Facts
        rows={[
          [t.lastWebhook, status.last_webhook_at ? <Ago time={status.last_webhook_at} /> : t.never],
          [t.lag, status.tracker.lag > 0 ? t.lagSome(status.tracker.lag) : t.lagNone],
          [t.viewers, format.number(status.stream_clients)],
        ]}
      />
    </Section>
  );
}

function Signatures({ status }: { status: ServerStatus }) {
  const { checked, scheme, secrets } = status.signatures;
  return (
    <Section title={t.signatures}>
      {checked ? (
        <Notice tone="good" icon="shield" title={t.signaturesOn}>
          <p>{t.signaturesOnHelp(secrets, t.schemes[scheme] ?? scheme)}</p>
        </Notice>
      ) : (
        <Notice tone="warn" icon="warning" title={t.signaturesOff}>
          <p>{t.signaturesOffHelp}</p>
        </Notice>
      )}
    </Section>
  );
}

function eventsKept({ first_seq, last_seq }: ServerStatus["journal"]): number {
  return last_seq === 0 ? 0 : last_seq - Math.max(first_seq, 1) + 1;
}

function Server({ status }: { status: ServerStatus }) {
  return (
    <Section title={t.server}>
      <Facts
        rows={[
          [t.version, status.version],
          [t.startedAt, <Ago time={status.started_at} />],
          [t.events, format.number(eventsKept(status.journal))],
          [t.journal, format.bytes(status.journal.bytes)],
          [t.accounts, format.number(status.accounts)],
        ]}
      />
    </Section>
  );
}

function Rules({ status }: { status: ServerStatus }) {
  return (
    <Section title={t.rules}>
      <Facts
        rows={[
          [t.retention, status.retention_s > 0 ? format.duration(status.retention_s) : t.forever],
          [t.dedupe, format.duration(status.dedupe_window_s)],
          [t.slow, format.duration(status.slow_after_s)],
          [t.abandoned, format.duration(status.abandoned_after_s)],
        ]}
      />
    </Section>
  );
}

function Browser() {
  const choice = useStore(themeChoice);
  const [failure, setFailure] = useState<Failure | null>(null);
  const leave = async () => {
    setFailure(null);
    await signOut().catch(setFailure);
  };
  return (
    <Section title={t.appearance}>
      <div class="bar">
        <Choice
          label={t.theme}
          options={choices.map((value) => ({ value, label: text.settings.themes[value] ?? value }))}
          value={choice}
          onChange={(value) => chooseTheme(value as typeof choice)}
        />
        <button type="button" class="button" title={t.sessionHelp} onClick={() => void leave()}>
          {t.signOut}
        </button>
      </div>
      <div role="alert">
        {failure ? (
          <Notice tone="bad" icon="warning">
            <p>{t.signOutFailed(failure.message)}</p>
          </Notice>
        ) : null}
      </div>
    </Section>
  );
}

export function SettingsPage() {
  const server = useServer();
  const refresh = useThrottled(server.reload, 2000);
  useStream({ onBatch: refresh }, []);
  return (
    <>
      <PageHead title={text.pages.settings} intro={t.intro} />
      <Show loaded={server} lines={8}>
        {(status) => (
          <div class="settings">
            <Section title={t.connect} help={t.connectHelp}>
              <WebhookAddress status={status} />
              <TestButton />
            </Section>
            <div class="columns">
              <Health status={status} />
              <Signatures status={status} />
              <Server status={status} />
              <Rules status={status} />
            </div>
          </div>
        )}
      </Show>
      <Browser />
    </>
  );
}
