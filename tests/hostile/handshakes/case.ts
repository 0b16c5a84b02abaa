import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { handshakeLines, type Lines, requestHead } from "../support/wire.ts";

/** A server, and somebody who may use all of it. */
export interface Target {
  readonly port: number;
  readonly token: string;
}

/** Bytes at the start of a connection, and what the server answers. */
export interface RequestCase {
  readonly name: string;
  readonly bytes: (target: Target) => readonly (string | Uint8Array)[];
  /** As `Wire.answers` tells it. */
  readonly answers: string;
}

export interface RequestGroup {
  readonly name: string;
  readonly cases: readonly RequestCase[];
}

/** A socket was opened. */
export const LET_IN = "101, connection_status";

/** The bytes of a ping that is answered at once. */
export const PING = encodeFrame(Opcode.text, '{"type":"ping"}');
/** A request that must be answered once, or, where it is somebody's body, not at all. */
export const GET = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/** How a handshake differs from a sound one. */
export interface Differently {
  readonly line?: string;
  /** Left out. */
  readonly without?: string;
  /** Added at the end. */
  readonly lines?: Lines;
}

/** A handshake of somebody who may come in. */
export function handshake({ port, token }: Target, { line, without, lines = [] }: Differently = {}): string {
  const kept = handshakeLines(port).filter(([name]) => name !== without);
  return requestHead(line ?? `GET /ws/device/?token=${token} HTTP/1.1`, [...kept, ...lines]);
}

/** A handshake in which one header line is another. */
export function withHeader(name: string, ...values: readonly string[]): (target: Target) => readonly string[] {
  return (target) => [handshake(target, { without: name, lines: values.map((value) => [name, value]) })];
}

/** A request that is the same for everybody. */
export function fixed(name: string, bytes: string | Uint8Array, answers: string): RequestCase {
  return { name, bytes: () => [bytes], answers };
}

/** A push whose body is told by these header lines, as bytes. */
export function push(lines: readonly string[], body: string): (target: Target) => readonly string[] {
  return ({ token }) => [
    `POST /api/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${lines.join("\r\n")}\r\n\r\n${body}`,
  ];
}
