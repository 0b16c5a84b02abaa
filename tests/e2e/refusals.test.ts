import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { wrongToken } from "./support/refusal.ts";
import { TestServer } from "./support/server.ts";

const CLIENTS = 1_000;
/** The longest that a refusal is held back. It is reached with the eleventh, and all of these clients are of one address. */
const HELD_MS = 30_000;
const WINDOW_MS = 10_000;
const MOST_CPU = 0.05;
/** Clock ticks a second in /proc, on every Linux that Bun runs on. */
const TICKS_PER_S = 100;

/** CPU time a process has used, with all its threads, milliseconds. */
function cpuOf(pid: number): number {
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const [user = 0, system = 0] = fields.split(" ").slice(11, 13).map(Number);
  return ((user + system) * 1_000) / TICKS_PER_S;
}

const passing = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A client of the original document: it waits 2, 4, 8 … s after a close, and starts over after each upgrade that succeeds. */
class StubbornClient {
  upgrades = 0;
  refusals = 0;
  #attempts = 0;
  #socket: WebSocket | undefined;
  #timer: Timer | undefined;

  constructor(private readonly url: string) {}

  connect(): void {
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      this.upgrades += 1;
      this.#attempts = 0;
    };
    socket.onclose = ({ code }) => {
      if (code === 4001) this.refusals += 1;
      this.#attempts += 1;
      this.#timer = setTimeout(() => this.connect(), 2 ** this.#attempts * 1_000);
    };
  }

  stop(): void {
    clearTimeout(this.#timer);
    if (this.#socket === undefined) return;
    this.#socket.onclose = null;
    this.#socket.terminate();
  }
}

// What is measured is CPU time, so real time has to pass here. That it costs no database read either is shown, on a clock of the
// test's own, in refused-clients.test.ts.
test.skipIf(process.platform !== "linux")(
  `${CLIENTS} clients that retry a dead token for ever cost less than ${MOST_CPU * 100} % of a core`,
  async () => {
    await using server = await TestServer.start({ LTY_LOG_LEVEL: "info" });
    const url = `${server.wsUrl}/ws/device/?token=${wrongToken()}`;
    const clients = Array.from({ length: CLIENTS }, () => new StubbornClient(url));
    const sums = () => ({
      cpuMs: cpuOf(server.pid),
      upgrades: clients.reduce((sum, client) => sum + client.upgrades, 0),
      refusals: clients.reduce((sum, client) => sum + client.refusals, 0),
      at: performance.now(),
    });
    try {
      // One after another, so that from the end of it as many are refused and come back at any time as in the long run.
      for (const client of clients) {
        client.connect();
        await passing(HELD_MS / CLIENTS);
      }
      const before = sums();
      await passing(WINDOW_MS);
      const after = sums();

      const third = (CLIENTS * WINDOW_MS) / HELD_MS;
      expect(after.refusals - before.refusals).toBeGreaterThan(0.7 * third);
      expect(after.upgrades - before.upgrades).toBeGreaterThan(0.5 * third);
      expect((after.cpuMs - before.cpuMs) / (after.at - before.at)).toBeLessThan(MOST_CPU);
    } finally {
      for (const client of clients) client.stop();
    }
  },
  90_000,
);
