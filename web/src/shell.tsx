// The frame around every page: navigation, the state of the connection, and what all pages know of the server.
import { createContext, type ComponentChildren } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { getStatus, type ServerStatus } from "./api";
import { useLoad, type Loaded } from "./hooks";
import { Icon } from "./parts/icon";
import { Notice } from "./parts/ui";
import { href, pages, type Page } from "./route";
import { useStore } from "./store";
import { link } from "./stream";
import { text } from "./text";

const statusEveryMs = 20_000;

const ServerContext = createContext<Loaded<ServerStatus> | null>(null);

export function useServer(): Loaded<ServerStatus> {
  const server = useContext(ServerContext);
  if (!server) throw new Error("outside of the shell");
  return server;
}

export function Logo() {
  return (
    <span class="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="8" />
        <circle cx="16" cy="17.5" r="7.5" />
        <path d="M4 20c5 0 6-8 12-8s7 8 12 8" />
      </svg>
      {text.product}
    </span>
  );
}

function LinkState() {
  const state = useStore(link);
  return (
    <p class={`link-state ${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      <span class="link-words">{text.link[state]}</span>
    </p>
  );
}

// A short interruption is nobody's business; one that lasts is told, beside the content: what is being read stays where it is.
function LostBanner() {
  const state = useStore(link);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (state !== "lost") {
      setShown(false);
      return undefined;
    }
    const timer = setTimeout(() => setShown(true), 1500);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <div class="lost-banner" role="status">
      {shown ? (
        <Notice tone="warn" icon="warning" title={text.link.lostTitle}>
          <p>{text.link.lostBody}</p>
        </Notice>
      ) : null}
    </div>
  );
}

function Navigation({ page }: { page: Page | null }) {
  return (
    <nav aria-label={text.navigation}>
      <ul>
        {pages.map((name) => (
          <li key={name}>
            <a href={href(name)} aria-current={name === page ? "page" : undefined}>
              <Icon name={name} />
              <span>{text.pages[name]}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function focusContent(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

export function Shell({ page, children }: { page: Page | null; children: ComponentChildren }) {
  const server = useLoad(getStatus, []);
  const state = useStore(link);
  useEffect(() => {
    const timer = setInterval(server.reload, statusEveryMs);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (state === "live") server.reload();
  }, [state]);
  return (
    <ServerContext.Provider value={server}>
      <a class="skip" href="#content" onClick={focusContent}>
        {text.skip}
      </a>
      <div class="frame">
        <header class="side">
          <a class="home" href={href("onboarding")}>
            <Logo />
          </a>
          <Navigation page={page} />
          <LostBanner />
          <LinkState />
        </header>
        <main id="content" tabIndex={-1}>
          {children}
        </main>
      </div>
    </ServerContext.Provider>
  );
}
