export { LtyClient } from "./client.ts";
export type { Clock, Timer } from "./clock.ts";
export type { State } from "./effects.ts";
export { type ClientErrorCode, ClosedError, LtyError } from "./errors.ts";
export type * from "./frames.ts";
export type { Handler } from "./listeners.ts";
export type { LtyClientOptions, RequestArgs, RequestOptions, Storage } from "./options.ts";
export type { SocketClass, SocketLike } from "./socket.ts";
