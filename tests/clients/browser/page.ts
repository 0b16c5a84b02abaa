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

/** A tab that shares its connection, its clock turned by the test. */
function share(options: { readonly url: string; readonly token: string; readonly clientId: string }) {
  const clock = new ManualClock();
  const handled: unknown[] = [];
  const errors: string[] = [];
  const client = new SharedClient({ ...options, role: "app", storage: localStorage, clock });
  client.onError(({ code }) => void errors.push(code));
  const listen = () => client.on("note", ({ message }) => void handled.push(message));
  /** Takes so many messages, then leaves the loop, the last of them counted as handled or not. */
  const loop = async (count: number, isHandled: boolean) => {
    for await (const frame of client.messages()) {
      handled.push(frame.message);
      if (--count > 0) continue;
      if (isHandled) client.handled(frame);
      break;
    }
  };
  return { client, clock, errors, handled, listen, loop };
}

Object.assign(globalThis, { lty: { begin, share } });
