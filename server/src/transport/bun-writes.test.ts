import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Opcode, RawSocket } from "@qy-lty/testkit";

/** A server that answers "event" with 20 frames, and "later" with 20 frames in a cork, outside of any event. */
const SERVER = `
  const { BunTransport } = await import(${JSON.stringify(new URL("./bun.ts", import.meta.url).href)});
  let connection;
  const burst = (name) => { for (let i = 0; i < 20; i++) connection.send(name + "-" + i + ";"); };
  const handler = {
    opened: (opened) => { connection = opened; },
    text: (text) => text === "event" ? burst(text) : void setImmediate(() => connection.cork(() => burst(text))),
    binary() {}, ponged() {}, drained() {}, closed: () => process.exit(0),
  };
  const { port } = new BunTransport().listen({
    host: "127.0.0.1", port: 0, maxFrameBytes: 1000, maxBufferedBytes: 100000,
    upgrade: () => ({ handler, subprotocol: null }), fetch: () => new Response(), failed: console.error,
  });
  console.log("http://127.0.0.1:" + port);`;

const CALLS = "trace=write,writev,sendto,sendmsg";
const canTrace = Bun.which("strace") !== null && Bun.spawnSync(["strace", "-e", CALLS, "true"]).exitCode === 0;

/** The server's calls to the system that send, as strace writes them down. */
let calls: string[];
let folder: string;
beforeAll(async () => {
  if (!canTrace) return;
  folder = await mkdtemp(join(tmpdir(), "qy-lty-writes-"));
  const trace = join(folder, "trace");
  const server = Bun.spawn(["strace", "-f", "-s", "4096", "-e", CALLS, "-o", trace, process.execPath, "-e", SERVER]);
  const { value = new Uint8Array() } = await server.stdout.getReader().read();
  const peer = await RawSocket.open(new TextDecoder().decode(value).trim(), { target: "/" });
  for (const what of ["event", "later"]) {
    peer.send(Opcode.text, what);
    for (let i = 0; i < 20; i++) expect(await peer.nextText()).toBe(`${what}-${i};`);
  }
  peer.close();
  await server.exited;
  calls = (await readFile(trace, "utf8")).split("\n");
}, 60_000);
afterAll(async () => {
  if (canTrace) await rm(folder, { recursive: true });
});

describe("BunTransport sends in one write", () => {
  test.skipIf(!canTrace).each([
    ["while one event is handled", "event"],
    ["inside `cork`", "later"],
  ])("what is sent %s [needs strace, and leave to trace]", (_, what) => {
    const sending = calls.filter((call) => call.includes(`${what}-`));
    expect(sending).toHaveLength(1);
    expect(sending[0]).toContain(`${what}-19;`);
  });
});
