import type { TestServer } from "./server.ts";
import { type Introduction, TestSocket } from "./socket.ts";

/** A well-formed token that nobody holds, another at every call: refusals of one token are remembered. */
export function wrongToken(): string {
  return `lty_${crypto.randomUUID().replaceAll("-", "").padEnd(43, "0")}`;
}

/** What a socket that is refused gets to see: the codes of its frames, then the close. */
export async function refusalOf(server: TestServer, introduction: Introduction): Promise<unknown[]> {
  using socket = TestSocket.knock(server.wsUrl, introduction);
  const { code, frames } = await socket.ended();
  return [...frames.map((frame) => frame.code ?? frame.type), code];
}
