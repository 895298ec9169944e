import { useEffect, useState } from "preact/hooks";
import { getStatus, signedIn, signIn, type Failure } from "../api";
import { Notice } from "../parts/ui";
import { Logo } from "../shell";
import { text } from "../text";

// Where a link with a wrong token leads. Said once: neither a reload nor the next login says it again.
let badLink = new URLSearchParams(location.search).get("link") === "refused";
if (badLink) history.replaceState(null, "", location.pathname + location.hash);

export function Login() {
  const t = text.login;
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(badLink ? t.badLink : "");

  // A server that asks for no token lets us in at once.
  useEffect(() => {
    document.title = text.titleOf(t.button);
    badLink = false;
    getStatus().then(
      () => signedIn.set(true),
      () => undefined,
    );
  }, []);

  const submit = async (event: Event) => {
    event.preventDefault();
    const value = token.trim();
    if (busy) return;
    if (value === "") {
      setProblem(t.empty);
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      if (await signIn(value)) {
        signedIn.set(true);
        return;
      }
      setProblem(t.wrong);
    } catch (error) {
      setProblem((error as Failure).message);
    }
    setBusy(false);
  };

  return (
    <main class="login">
      <form class="card" onSubmit={(event) => void submit(event)} noValidate>
        <Logo />
        <h1>{t.title}</h1>
        <p class="muted" id="login-help">
          {t.help}
        </p>
        <label class="field">
          <span>{t.label}</span>
          <input
            type="password"
            name="token"
            autoComplete="current-password"
            spellcheck={false}
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
            aria-describedby="login-help login-problem"
            aria-invalid={problem !== ""}
          />
        </label>
        <div id="login-problem" role="alert">
          {problem ? (
            <Notice tone="bad" icon="warning">
              <p>{problem}</p>
            </Notice>
          ) : null}
        </div>
        <button type="submit" class="button primary">
          {busy ? t.busy : t.button}
        </button>
      </form>
    </main>
  );
}
