// What somebody sees who has just started Fairlead: how to connect, and a way to try it at once.
import { useState } from "preact/hooks";
import { sendTestEvent, type Failure, type ServerStatus, type TestEvent } from "../api";
import { href } from "../route";
import { text } from "../text";
import { isLoopback, webhookUrlFrom } from "../webhook";
import { ByHand } from "./event-detail";
import { Icon } from "./icon";
import { CopyButton, Notice } from "./ui";

export function WebhookAddress({ status }: { status: ServerStatus }) {
  const [byHand, setByHand] = useState<string | null>(null);
  const url = webhookUrlFrom(status.webhook_path);
  return (
    <>
      <div class="address">
        <label class="field">
          <span class="offscreen">{text.webhook.label}</span>
          <input type="text" readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
        </label>
        <CopyButton value={url} label={text.copy} onFail={setByHand} />
      </div>
      {byHand === null ? null : <ByHand value={byHand} />}
      {isLoopback(url) ? (
        <p class="muted small-text">{text.webhook.loopback}</p>
      ) : url.startsWith("http:") ? (
        <p class="muted small-text">{text.webhook.plain}</p>
      ) : null}
    </>
  );
}

export function TestButton({ primary }: { primary?: boolean }) {
  const t = text.test;
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState<TestEvent | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const send = async () => {
    setBusy(true);
    setFailure(null);
    setSent(null);
    try {
      setSent(await sendTestEvent());
    } catch (error) {
      setFailure(error as Failure);
    }
    setBusy(false);
  };
  return (
    <div class="test">
      <button type="button" class={primary ? "button primary" : "button"} aria-disabled={busy} onClick={() => (busy ? undefined : void send())}>
        <Icon name="send" />
        {busy ? t.busy : t.button}
      </button>
      <div role="status">
        {sent ? (
          <Notice tone="good" icon="check">
            <p>
              {t.sent(sent.seq)}{" "}
              {sent.connected_account_id ? <a href={href("accounts", sent.connected_account_id)}>{t.open}</a> : null}
            </p>
          </Notice>
        ) : null}
        {failure ? (
          <Notice tone="bad" icon="warning">
            <p>{t.failed(failure.message)}</p>
          </Notice>
        ) : null}
      </div>
    </div>
  );
}

export function FirstSteps({ status }: { status: ServerStatus }) {
  const t = text.firstSteps;
  return (
    <section class="card first-steps" aria-labelledby="first-steps">
      <h2 id="first-steps">{t.title}</h2>
      <p class="muted">{t.intro}</p>
      <ol>
        <li>
          <h3>{t.step1}</h3>
          <WebhookAddress status={status} />
        </li>
        <li>
          <h3>{t.step2}</h3>
          <p class="muted">{t.step2Help}</p>
        </li>
        <li>
          <h3>{t.step3}</h3>
          <p class="muted">{t.step3Help}</p>
          <TestButton primary />
        </li>
      </ol>
      <p class="listening">
        <span class="pulse" aria-hidden="true" />
        {t.listening}
      </p>
    </section>
  );
}
