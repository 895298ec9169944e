import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { signedIn } from "./api";
import { AccountPage } from "./pages/account";
import { AccountsPage } from "./pages/accounts";
import { LivePage } from "./pages/live";
import { Login } from "./pages/login";
import { OnboardingPage } from "./pages/onboarding";
import { ProblemsPage } from "./pages/problems";
import { SettingsPage } from "./pages/settings";
import { Empty, PageHead } from "./parts/ui";
import { useRoute, type Route } from "./route";
import { Shell } from "./shell";
import { useStore } from "./store";
import "./style/main.css";
import { text } from "./text";
import "./theme";

function CurrentPage({ route }: { route: Route }) {
  switch (route.page) {
    case "onboarding":
      return <OnboardingPage query={route.query} />;
    case "live":
      return <LivePage query={route.query} />;
    case "accounts":
      return route.id === null ? <AccountsPage query={route.query} /> : <AccountPage key={route.id} id={route.id} />;
    case "problems":
      return <ProblemsPage />;
    case "settings":
      return <SettingsPage />;
    default:
      return (
        <>
          <PageHead title={text.pages.notFound} />
          <Empty icon="problems" title={text.pages.notFoundHelp} />
        </>
      );
  }
}

function Dashboard() {
  const route = useRoute();
  const inside = useStore(signedIn);
  const place = `${route.page}/${route.id ?? ""}`;
  const first = useRef(true);
  useEffect(() => {
    if (!inside) return;
    document.title = text.titleOf(route.id ?? (route.page ? text.pages[route.page] : text.pages.notFound));
    // Another page begins at its heading, for the eye and for the keyboard; the first one is left as the browser shows it.
    if (!first.current) {
      scrollTo(0, 0);
      document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [place, inside]);
  if (!inside) return <Login />;
  return (
    <Shell page={route.page}>
      <CurrentPage route={route} />
    </Shell>
  );
}

const root = document.getElementById("app");
if (root) render(<Dashboard />, root);
