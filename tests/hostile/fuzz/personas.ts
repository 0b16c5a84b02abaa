import { encodeFrame, Opcode } from "@qy-lty/testkit";
import type { Holder } from "../support/gateway-child.ts";
import { handshakeLines, requestHead } from "../support/wire.ts";
import { mutatedText } from "./grammar.ts";
import type { Random } from "./random.ts";

/** As whom a connection comes in: its handshake, and what it says first. */
export type Persona = (holder: Holder, random: Random, port: number) => string | Buffer;

const LTY_V1 = ["Sec-WebSocket-Protocol", "lty.v1"] as const;

/** Every way to come in, and some that fail. */
export const PERSONAS: readonly Persona[] = [
  ({ userToken }, _, port) => knock(port, `token=${userToken}`),
  ({ userToken }, random, port) => knock(port, `token=${userToken}&role=app&client_id=c${random.below(4)}`),
  ({ deviceToken }, _, port) => knock(port, `token=${deviceToken}`),
  ({ deviceToken }, _, port) => knock(port, `token=${deviceToken}`, true),
  ({ userToken }, random, port) => knock(port, `token=${userToken}&role=app&client_id=c${random.below(4)}`, true),
  ({ userToken }, random, port) => knock(port, `token=${userToken}&epoch=e&seq=${random.below(1e9)}&last=m`, true),
  ({ userToken }, _, port) => introduced(port, JSON.stringify({ type: "auth", message: { token: userToken } })),
  ({ deviceToken }, _, port) =>
    introduced(port, JSON.stringify({ type: "auth", message: { token: deviceToken, seq: 1, epoch: "" } })),
  (_, random, port) => introduced(port, mutatedText(random).replace("lty_0", `lty_${unheard(random)}`)),
  (_, random, port) =>
    knock(port, `token=${unheard(random)}${encodeURIComponent(mutatedText(random).slice(0, 99).toWellFormed())}`),
];

/** Refusals of a token that was refused before are held back. */
function unheard(random: Random): string {
  return String(random.below(1e9));
}

function knock(port: number, query: string, reliable = false): string {
  const lines = [...handshakeLines(port), ...(reliable ? [LTY_V1] : [])];
  return requestHead(`GET /ws/device/?${query} HTTP/1.1`, lines);
}

/** Says who it is in its first frame, which may follow at once. */
function introduced(port: number, frame: string): Buffer {
  const head = requestHead("GET /ws/device/ HTTP/1.1", [...handshakeLines(port), LTY_V1]);
  return Buffer.concat([Buffer.from(head), encodeFrame(Opcode.text, frame)]);
}
