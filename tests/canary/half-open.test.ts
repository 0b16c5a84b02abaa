import { expect, test } from "bun:test";
import { Mailbox, RawSocket } from "@qy-lty/testkit";

test("Bun 1.4.5 never reaps a half-open peer by `idleTimeout` while the server writes to it (session/heartbeat.ts does)", async () => {
  const opened = new Mailbox<Bun.ServerWebSocket<undefined>>();
  const closed = new Mailbox<Bun.ServerWebSocket<undefined>>();
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response()),
    // The shortest that Bun knows.
    websocket: {
      idleTimeout: 8,
      sendPings: false,
      open: (socket) => opened.push(socket),
      message() {},
      close: (socket) => closed.push(socket),
    },
  });
  using _writtenTo = await RawSocket.open(server.url.href, { target: "/" });
  const writtenTo = await opened.next();
  const writing = setInterval(() => writtenTo.send("anybody there?"), 200);
  using _leftAlone = await RawSocket.open(server.url.href, { target: "/" });
  const leftAlone = await opened.next();
  // Both said nothing; the one that was opened later is reaped.
  expect(await closed.next()).toBe(leftAlone);
  expect(writtenTo.readyState).toBe(WebSocket.OPEN);
  clearInterval(writing);
  await server.stop(true);
}, 60_000);
