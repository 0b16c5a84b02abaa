import { HttpConnection } from "../../../tests/faults/support/http-connection.ts";
import { LightSocket } from "../../../tests/faults/support/light-socket.ts";
import { type LoadReport, runGenerator } from "../wsload.ts";
import type { Ground, System } from "./systems.ts";

/** How long and how much in this run. */
export interface Scale {
  readonly windowS: number;
  /** Sockets that one frame is for, over all processes. */
  readonly sockets: number;
  /** Sends to the busy user. */
  readonly sends: number;
}

export interface Measures {
  /** Frames that arrived a second at all sockets, one publish at the first process outstanding. */
  readonly fanout: number;
  /** Pushes answered 2xx a second, by all processes together. */
  readonly pushes: number;
  /** Of `sends` to one user whose socket does not read meanwhile, how many arrived. */
  readonly busy: number;
}

const WARMUP_S = 1;
const DRAIN_S = 0.5;
const SLACK_MS = 60_000;
const PUSHED_USERS = 64;
const HTTP_CONNECTIONS = 16;
const BUSY_SENDERS = 16;
/** What the busy user is sent is large enough that the system's buffers do not hold all of it. */
const BUSY_TEXT = "x".repeat(4_000);
/** Nothing came for so long: nothing more will. */
const QUIET_MS = 5_000;

/** Measures a fresh system; `generator` is the load generator's program. */
export async function measure(system: System, ground: Ground, generator: string, scale: Scale): Promise<Measures> {
  const fanout = await everybody(system, ground, generator, scale);
  const pushes = await push(system, ground, generator, scale);
  return { fanout, pushes, busy: await busyUser(system, ground, scale) };
}

/** One generator a process, all at once; what each of them counted. */
function generators(
  { origins, dialect }: System,
  { credentials }: Ground,
  generator: string,
  { windowS }: Scale,
  options: (origin: string, index: number) => readonly string[],
): Promise<LoadReport[]> {
  return Promise.all(
    origins.map(async (origin, index) => {
      const command = [
        ...[generator, "--url", `${origin.replace("http", "ws")}${dialect.path}`, "--mode", "listen"],
        ...["--tokens-file", credentials.file, "--ignore-first", String(dialect.greetings), "--match", "notice"],
        ...(dialect.onOpen === undefined ? [] : ["--on-open", dialect.onOpen]),
        ...(dialect.autoReply === undefined ? [] : ["--auto-reply", dialect.autoReply]),
        ...["--warmup", String(WARMUP_S), "--duration", String(windowS), "--drain", String(DRAIN_S)],
        ...options(origin, index),
      ];
      const { report } = await runGenerator(command, windowS * 1000 + SLACK_MS);
      if (report.conns.failed > 0)
        throw new Error(
          `${report.conns.failed} connections failed at ${origin}: ${JSON.stringify([report.errors, report.http_status, report.close_codes])}`,
        );
      return report;
    }),
  );
}

async function everybody(system: System, ground: Ground, generator: string, scale: Scale): Promise<number> {
  const [first = ""] = system.origins;
  const each = Math.ceil(scale.sockets / system.origins.length);
  const reports = await generators(system, ground, generator, scale, (_, index) => [
    ...["--conns", String(each)],
    ...(index > 0
      ? []
      : publish(ground, `${first}/api/broadcast/`, '{"type":"notice","message":{"text":"hello","n":{seq}}}')),
    ...(index > 0 ? [] : ["--publish-outstanding", "1", "--publish-conns", "1"]),
  ]);
  return reports.reduce((sum, { msgs_received, window_s }) => sum + msgs_received / window_s, 0);
}

async function push(system: System, ground: Ground, generator: string, scale: Scale): Promise<number> {
  const reports = await generators(system, ground, generator, scale, (origin) => [
    ...["--conns", "1", "--publish-free", "--publish-users", String(PUSHED_USERS)],
    ...publish(ground, `${origin}/api/messages/`, '{"type":"notice","message":{"n":{seq}},"user_id":{u}}'),
    ...["--publish-conns", String(HTTP_CONNECTIONS / system.origins.length)],
  ]);
  return reports.reduce((sum, report) => sum + (report.publish?.http_2xx ?? 0) / report.window_s, 0);
}

function publish({ credentials }: Ground, url: string, body: string): string[] {
  return [
    "--publish-http",
    url,
    "--publish-body",
    body,
    "--publish-header",
    `Authorization: Token ${credentials.admin}`,
  ];
}

/** The last user has one socket, at the last process, and is sent to by the first. */
async function busyUser({ origins, dialect }: System, { credentials }: Ground, { sends }: Scale): Promise<number> {
  const userId = credentials.users.length;
  const token = credentials.users.at(-1) ?? "";
  const [sender, receiver] = [Number(new URL(origins[0] ?? "").port), Number(new URL(origins.at(-1) ?? "").port)];
  let arrived = 0;
  let heardAt = performance.now();
  const ready = Promise.withResolvers<void>();
  let greetings = 0;
  const [pinged, ponged] = dialect.autoReply?.split("=") ?? [];
  const socket = await LightSocket.open(
    { port: receiver, path: dialect.path.replace("{token}", token) },
    {
      opened: (opened) => dialect.onOpen !== undefined && opened.send(dialect.onOpen.replace("{token}", token)),
      text: (text) => {
        heardAt = performance.now();
        if (text === pinged) socket.send(ponged ?? "");
        else if (text.includes('"notice"')) arrived += 1;
        else if (++greetings === dialect.greetings) ready.resolve();
      },
      closed: () => undefined,
    },
  );
  await ready.promise;
  socket.stopReading();
  let sent = 0;
  const send = async () => {
    const connection = new HttpConnection(() => sender, credentials.admin);
    while (sent < sends) {
      sent += 1;
      const body = JSON.stringify({ type: "notice", message: { text: BUSY_TEXT, n: sent }, user_id: userId });
      await connection.post("/api/messages/", body);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: BUSY_SENDERS }, send));
  socket.startReading();
  heardAt = performance.now();
  while (arrived < sends && performance.now() - heardAt < QUIET_MS) await Bun.sleep(50);
  socket.cut();
  return arrived;
}
