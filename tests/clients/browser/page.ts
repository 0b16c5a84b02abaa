/** What a test page has at hand, as `lty`: bundled by support/browser.ts. */
import { LtyClient } from "../../../clients/typescript/src/index.ts";
import { SharedClient } from "../../../clients/typescript/src/tabs.ts";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";

/** A client whose clock the test turns, and what became of it. */
function begin(options: { readonly url: string; readonly token: string; readonly clientId: string }) {
  const clock = new ManualClock();
  const handled: unknown[] = [];
  const states: string[] = [];
  const client = new LtyClient({ ...options, role: "app", storage: localStorage, clock, random: () => 0.5 });
  client.onState(({ state }) => void states.push(state));
  client.on("note", ({ message }) => void handled.push(message));
  return { client, clock, handled, states };
}

/** A tab that shares its connection. */
function share(options: { readonly url: string; readonly token: string; readonly clientId: string }) {
  const handled: unknown[] = [];
  const client = new SharedClient({ ...options, role: "app", storage: localStorage });
  client.on("note", ({ message }) => void handled.push(message));
  client.connect();
  return { client, handled };
}

Object.assign(globalThis, { lty: { begin, share } });
