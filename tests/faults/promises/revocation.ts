import type { FaultServer } from "../support/fault-server.ts";
import { HttpConnection } from "../support/http-connection.ts";
import type { Report } from "../support/report.ts";
import { PlainSocket } from "./plain-socket.ts";

/** Connections of the token that is revoked: three of each kind. */
const KINDS: readonly (readonly [query: string, protocol?: string])[] = [
  ["", "lty.v1"],
  ["role=app&client_id=phone", "lty.v1"],
  ["role=app"],
  [""],
].flatMap((kind) => [kind, kind, kind]) as never;
const MAX_MS = 1_500;
/** What invariant I11 allows on one node, milliseconds. */
const EFFECT_MS = 1_000;

/**
 * A token is revoked while messages pour in for its connections; by the command line and over the API. Figures in
 * milliseconds have goals where `timed`: not beside other work.
 */
export async function revocation(
  report: Report,
  server: FaultServer,
  userId: number,
  { rounds, timed }: { readonly rounds: number; readonly timed: boolean },
): Promise<void> {
  const goal = (atMost: number) => (timed ? { atMost } : null);
  const ways = {
    "the command line": (id: number) => server.lty("token", "revoke", String(id)),
    "the API": (id: number) => server.api("DELETE", `/api/tokens/${id}/`),
  };
  for (const [way, revoke] of Object.entries(ways)) {
    const found = { closedMs: 0, lastFrameMs: 0, wrongCodes: 0, late: 0, pushed: 0, letIn: 0 };
    for (let round = 0; round < rounds; round++) await revokeOnce(server, userId, revoke, found);
    report.add(`revoked by ${way}: connections, ${found.pushed} messages pushed meanwhile`, rounds * KINDS.length);
    report.add(`revoked by ${way}: the last was closed after`, found.closedMs, "ms", goal(MAX_MS));
    report.add(`revoked by ${way}: the last frame on any came after`, found.lastFrameMs, "ms", goal(EFFECT_MS));
    report.add(`revoked by ${way}: closed with another code than 4010`, found.wrongCodes, "", { equals: 0 });
    report.add(`revoked by ${way}: frames behind the close`, found.late, "", { equals: 0 });
    report.add(`revoked by ${way}: let in with it afterwards`, found.letIn, "", { equals: 0 });
  }
}

async function revokeOnce(
  server: FaultServer,
  userId: number,
  revoke: (id: number) => Promise<unknown>,
  found: { closedMs: number; lastFrameMs: number; wrongCodes: number; late: number; pushed: number; letIn: number },
): Promise<void> {
  const { id, token } = await server.api<{ id: number; token: string }>("POST", "/api/tokens/", { user_id: userId });
  const knock = ([query, protocol]: (typeof KINDS)[number]) =>
    PlainSocket.open(server.port, `/ws/device/?token=${token}&${query}`, protocol);
  const sockets = await Promise.all(KINDS.map(knock));
  let pouring = true;
  const pour = async () => {
    const connection = new HttpConnection(() => server.port, server.admin);
    while (pouring) {
      const body = `{"type":"notice","user_id":${userId},"message":1,"ttl":60}`;
      if ((await connection.post("/api/messages/", body))?.status === 200) found.pushed += 1;
    }
    connection.close();
  };
  const pours = [pour(), pour()];
  await revoke(id);
  const revoked = performance.now();
  const closings = await Promise.all(sockets.map(({ closed }) => closed));
  // A while in which a connection that should be over could still bring something.
  const until = found.pushed + 100;
  while (found.pushed < until) await new Promise(setImmediate);
  pouring = false;
  await Promise.all(pours);
  for (const { code, at } of closings) {
    found.closedMs = Math.max(found.closedMs, at - revoked);
    if (code !== 4010) found.wrongCodes += 1;
  }
  for (const socket of sockets) {
    found.lastFrameMs = Math.max(found.lastFrameMs, socket.lastAt - revoked);
    found.late += socket.late;
  }
  // Once: who is refused again and again has to wait for it.
  found.letIn += await knock([""]).then(
    () => 1,
    () => 0,
  );
}
