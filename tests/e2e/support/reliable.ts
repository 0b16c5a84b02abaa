import { expect } from "bun:test";
import { timestamp } from "./expect.ts";
import type { Person } from "./people.ts";
import type { TestServer } from "./server.ts";
import { type Frame, type Introduction, TestSocket } from "./socket.ts";

/** The subprotocol of clients that acknowledge. */
export const LTY_V1 = "lty.v1";

/** A connection of `lty.v1` that was let in. */
export function reliable(server: TestServer, introduction: Introduction): Promise<TestSocket> {
  return TestSocket.open(server.wsUrl, { ...introduction, protocol: LTY_V1 });
}

/** As `reliable`, for an app that names itself. */
export function app(server: TestServer, { token }: Pick<Person, "token">, clientId: string, query = {}) {
  return reliable(server, { token, query: { role: "app", client_id: clientId, ...query } });
}

/** What the API says of a message that was kept. */
export interface Pushed {
  readonly message_id: string;
  readonly seq: number;
  readonly online: boolean;
  readonly duplicate: boolean;
}

/** Pushes to a user; `more` goes into the body. */
export function push(server: TestServer, user: { readonly id: number }, message: unknown, more = {}): Promise<Pushed> {
  return server.data("POST", "/api/messages/", { type: "note", message, user_id: user.id, ...more });
}

/** Pushes to a device. */
export function pushToDevice(server: TestServer, device: { readonly id: number }, message: unknown): Promise<Pushed> {
  return server.data("POST", `/api/devices/${device.id}/messages/`, { type: "note", message });
}

/** Pushes 1, 2, … `count`, one after another. */
export async function pushMany(server: TestServer, user: { readonly id: number }, count: number): Promise<Pushed[]> {
  const pushed: Pushed[] = [];
  for (let n = 1; n <= count; n++) pushed.push(await push(server, user, n));
  return pushed;
}

/** The next `count` frames. */
export async function take(socket: TestSocket, count: number): Promise<Frame[]> {
  const frames: Frame[] = [];
  while (frames.length < count) frames.push(await socket.next());
  return frames;
}

/** What is still to come: two rounds, because what was pushed leaves at the end of a turn and may be overtaken in it. */
export async function quiet(socket: TestSocket): Promise<Frame[]> {
  return [...(await socket.rest()), ...(await socket.rest())];
}

/** Acknowledges, and waits until that was read; answers what came meanwhile. */
export function acknowledge(socket: TestSocket, seq: unknown, more = {}): Promise<Frame[]> {
  socket.send({ type: "ack", seq, ...more });
  return quiet(socket);
}

export function seqs(frames: readonly Frame[]): unknown[] {
  return frames.map(({ seq }) => seq);
}

/** `from`, … `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

/** The frame of a message, in every part. */
export function frameOf({ message_id, seq }: Pick<Pushed, "message_id" | "seq">, message: unknown, more = {}): Frame {
  return { type: "note", message, timestamp: timestamp as string, message_id, seq, ...more };
}

/** What the API says a message's consumers have of it. Cursors are on disk once it has answered. */
export async function states(server: TestServer, { message_id }: Pick<Pushed, "message_id">) {
  const { consumers } = await server.data<{ consumers: { consumer: string; state: string }[] }>(
    "GET",
    `/api/messages/${message_id}/`,
  );
  return Object.fromEntries(consumers.map(({ consumer, state }) => [consumer, state]));
}

/** Where a client stands, as its next handshake says it. */
export function whereabouts(socket: TestSocket, { seq, message_id }: Pick<Pushed, "seq" | "message_id">) {
  return { epoch: String(socket.greeting.epoch), seq: String(seq), last: message_id };
}

/** The members that the greeting of `lty.v1` adds. */
export function standing({ greeting }: TestSocket): unknown {
  const { consumer, acked, top, resumed } = greeting;
  return { consumer, acked, top, resumed };
}

/** `frame` is a `skip` to `seq`. */
export function expectSkip(frame: Frame | undefined, seq: number, reason: string): void {
  expect(frame).toEqual({ type: "skip", seq, reason, timestamp: expect.any(String) });
}
