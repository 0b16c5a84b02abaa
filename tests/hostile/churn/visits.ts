import { encodeClose, encodeFrame, Opcode } from "@qy-lty/testkit";
import type { Holder } from "../support/gateway-child.ts";
import { handshakeLines, requestHead, Wire } from "../support/wire.ts";

/** How long a visit may wait for an answer on a busy machine, milliseconds. */
const PATIENCE_MS = 20_000;

const LTY_V1 = [["Sec-WebSocket-Protocol", "lty.v1"]] as const;
const PING = encodeFrame(Opcode.text, '{"type":"ping","id":"1"}');

/** A connection from its opening to its end. */
type Visit = (port: number, holder: Holder, number: number) => Promise<void>;

function knock(port: number, query: string, reliable: boolean): Wire {
  const lines = [...handshakeLines(port), ...(reliable ? LTY_V1 : [])];
  const wire = new Wire(port);
  wire.write(requestHead(`GET /ws/device/?${query} HTTP/1.1`, lines));
  return wire;
}

/** Waits to be let in, asks something, and waits for the answer. */
async function enter(wire: Wire): Promise<void> {
  await wire.head(PATIENCE_MS);
  const greeting = await wire.text(PATIENCE_MS);
  if (!greeting.includes('"connection_status"')) throw new Error(`refused: ${greeting}`);
  wire.write(PING);
  let answer = "";
  // A reset may come before it.
  while (!answer.includes('"pong"')) answer = await wire.text(PATIENCE_MS);
}

/** Closes as the standard wants it. */
async function leave(wire: Wire): Promise<void> {
  wire.write(encodeFrame(Opcode.close, encodeClose(1000)));
  await wire.gone(PATIENCE_MS);
}

/** Every way to come and to go. */
const VISITS: readonly Visit[] = [
  async (port, { userToken }) => {
    using wire = knock(port, `token=${userToken}`, false);
    await enter(wire);
    await leave(wire);
  },
  async (port, { userToken }, number) => {
    using wire = knock(port, `token=${userToken}&role=app&client_id=c${number % 3}`, true);
    await enter(wire);
    await leave(wire);
  },
  async (port, { deviceToken }) => {
    using wire = knock(port, `token=${deviceToken}`, false);
    await enter(wire);
    wire.finish();
    await wire.gone(PATIENCE_MS);
  },
  async (port, { userToken }) => {
    using wire = knock(port, `token=${userToken}&role=app`, false);
    await enter(wire);
    wire.reset();
  },
  async (port, { userToken }) => {
    using wire = knock(port, "", true);
    wire.write(encodeFrame(Opcode.text, JSON.stringify({ type: "auth", message: { token: userToken } })));
    await enter(wire);
    await leave(wire);
  },
  // Gone before anybody has answered.
  async (port, { userToken }) => {
    using wire = knock(port, `token=${userToken}`, false);
    wire.finish();
    await wire.gone(PATIENCE_MS);
  },
  // Gone without having said who it is.
  async (port) => {
    using wire = knock(port, "", true);
    await wire.head(PATIENCE_MS);
  },
  async (port, _, number) => {
    using wire = knock(port, `token=nobody-${number}`, false);
    await wire.head(PATIENCE_MS);
    const refusal = await wire.text(PATIENCE_MS);
    if (!refusal.includes('"UNAUTHENTICATED"')) throw new Error(`expected a refusal: ${refusal}`);
    await wire.gone(PATIENCE_MS);
  },
];

/** One visit: the kind and the visitor go by its number. */
export function visit(port: number, holders: readonly Holder[], number: number): Promise<void> {
  const kind = VISITS[number % VISITS.length];
  const holder = holders[number % holders.length];
  if (kind === undefined || holder === undefined) throw new Error("there is nobody to visit as");
  return kind(port, holder, number);
}
