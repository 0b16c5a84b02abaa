import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway } from "@qy-lty/server";
import { createBroker } from "@qy-lty/server/broker/create.ts";
import type { Config } from "@qy-lty/server/config/config.ts";
import { loadConfig } from "@qy-lty/server/config/load.ts";
import { createLogger } from "@qy-lty/server/observe/log.ts";
import { type Clock, SystemClock } from "@qy-lty/server/platform/clock.ts";
import type { Services } from "@qy-lty/server/skills/skill.ts";
import type { Device, NewDevice } from "@qy-lty/server/store/devices.ts";
import { openStore } from "@qy-lty/server/store/open.ts";
import type { Store } from "@qy-lty/server/store/store.ts";
import type { NewUser, User } from "@qy-lty/server/store/users.ts";
import { BunTransport } from "@qy-lty/server/transport/bun.ts";
import { MemoryTransport } from "@qy-lty/server/transport/memory.ts";
import type { Transport } from "@qy-lty/server/transport/transport.ts";
import { CapturedLog } from "./captured-log.ts";
import { type SocketRequest, TestSocket } from "./test-socket.ts";

/** What a test wants to be otherwise. */
export interface TestGatewayOptions {
  /** Settings by their environment names, such as a stub gives them. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Settings, over those of `environment`. */
  readonly config?: Partial<Config>;
  readonly clock?: Clock;
  readonly services?: Partial<Services>;
  /** `MemoryTransport` leaves nothing to chance; the default is the real one. */
  readonly transport?: Transport;
  /** Errors in the log are part of the test: else any fails it when the gateway is disposed of. */
  readonly expectsErrors?: boolean;
}

/** Whose token is wanted. */
export type TokenFor =
  | { readonly user: number }
  | { readonly device: number }
  | { readonly service: string; readonly mayIssueTokens?: boolean };

/** Somebody with an account and a token. */
export interface Person {
  readonly id: number;
  readonly username: string;
  readonly token: string;
}

/** How a request is made. */
export interface RequestOptions {
  readonly token?: string;
  /** Sent as JSON; a string goes as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. */
export interface Answer<Data = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body, or its text where it is no JSON. */
  readonly body: {
    readonly status: string;
    readonly message: string;
    readonly code?: string;
    readonly data: Data;
  } & Readonly<Record<string, unknown>>;
}

/**
 * Starts a real gateway: its own database in a temporary folder, a free port, its log kept. When it is disposed of, it
 * also fails the test if a credential it handed out stands in the log, or if the log tells of an error nobody expected.
 *
 * @example
 * await using gateway = await startTestGateway({ config: { rateLimitMessages: 3 } });
 * const anna = await gateway.person();
 * const socket = await gateway.connect(`token=${anna.token}`);
 */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "qy-lty-"));
  const environment = {
    LTY_PORT: "0",
    LTY_DATABASE_URL: `sqlite:${join(folder, "test.db")}`,
    LTY_WEATHER_PROVIDER: "fixed",
    LTY_LOG_LEVEL: "trace",
    ...options.environment,
  };
  const config = { ...loadConfig(environment), ...options.config };
  const clock = options.clock ?? new SystemClock();
  const transport = options.transport ?? new BunTransport();
  const log = new CapturedLog();
  const store = await openStore(config.databaseUrl, clock);
  const broker = await createBroker(config, store, clock);
  const gateway = new Gateway({
    ...{ config, store, transport, clock, log: createLogger(config.logLevel, false, log) },
    ...(broker && { broker }),
    ...(options.services !== undefined && { services: options.services }),
  });
  try {
    const url = await gateway.start();
    return new TestGateway({ gateway, store, config, clock, transport, log, url, folder, options });
  } catch (error) {
    await gateway.stop();
    await rm(folder, { recursive: true });
    throw error;
  }
}

interface Parts {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly config: Config;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly log: CapturedLog;
  readonly url: string;
  readonly folder: string;
  readonly options: TestGatewayOptions;
}

/** A gateway that runs in the test's own process, and what a test wants of it. */
export class TestGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly store: Store;
  readonly log: CapturedLog;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly url: string;
  /** Every credential that was handed out, in clear. */
  readonly issuedSecrets: string[] = [];
  #people = 0;

  constructor(private readonly parts: Parts) {
    this.gateway = parts.gateway;
    this.store = parts.store;
    this.log = parts.log;
    this.clock = parts.clock;
    this.transport = parts.transport;
    this.url = parts.url;
  }

  /** Where its database is. */
  get databasePath(): string {
    return this.parts.config.databaseUrl.slice("sqlite:".length);
  }

  /** Makes a user; the name is `user-1`, … unless it is given. */
  user(user: Partial<NewUser> = {}): Promise<User> {
    return this.store.users.create({ username: `user-${++this.#people}`, ...user });
  }

  /** Makes a user with a token. */
  async person(user: Partial<NewUser> = {}): Promise<Person> {
    const { id, username } = await this.user(user);
    return { id, username, token: await this.token({ user: id }) };
  }

  /** Makes a device. */
  device(device: Partial<NewDevice> = {}): Promise<Device> {
    return this.store.devices.create({ name: "speaker", ...device });
  }

  /** Makes a token and answers it in clear. */
  async token(owner: TokenFor, expiresInMs: number | null = null): Promise<string> {
    const { token } = await this.store.tokens.issue(await this.#owner(owner), expiresInMs);
    this.issuedSecrets.push(token);
    return token;
  }

  /** Opens a socket: a path of its own, or the query of `/ws/device/`. The greeting is the first frame to come. */
  async connect(pathOrQuery: string, options: Omit<SocketRequest, "target"> = {}): Promise<TestSocket> {
    const target = pathOrQuery.startsWith("/") ? pathOrQuery : `/ws/device/?${pathOrQuery}`;
    const { transport } = this;
    return transport instanceof MemoryTransport
      ? TestSocket.overMemory(transport, { target, ...options })
      : TestSocket.overNetwork(this.url, { target, ...options });
  }

  /** Opens a socket with a token and takes the greeting. */
  async enter(token: string, query = ""): Promise<TestSocket> {
    const socket = await this.connect(`token=${token}&${query}`);
    await socket.nextOfType("connection_status");
    return socket;
  }

  /** Sends a request; tickets and tokens in the answer are noted as secrets. */
  async http<Data = Record<string, unknown>>(
    method: string,
    path: string,
    { token, body, headers = {} }: RequestOptions = {},
  ): Promise<Answer<Data>> {
    const request = new Request(new URL(path, this.url).href, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const { transport } = this;
    const response = await (transport instanceof MemoryTransport ? transport.fetch(request) : fetch(request));
    const answer = parse(await response.text()) as Answer<Data>["body"];
    const { token: made, ticket } = (answer?.data ?? {}) as { readonly token?: unknown; readonly ticket?: unknown };
    for (const secret of [made, ticket]) if (typeof secret === "string") this.issuedSecrets.push(secret);
    return { status: response.status, headers: response.headers, body: answer };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.stop();
    await rm(this.parts.folder, { recursive: true });
    const leaked = this.issuedSecrets.find((secret) => this.log.text.includes(secret));
    if (leaked !== undefined) throw new Error("a credential stands in the log");
    const [error] = this.parts.options.expectsErrors ? [] : this.log.errors;
    if (error !== undefined) throw new Error(`the gateway logged an error: ${JSON.stringify(error)}`);
  }

  async #owner(owner: TokenFor) {
    if ("user" in owner) return { kind: "user", id: owner.user } as const;
    if ("device" in owner) return { kind: "device", id: owner.device } as const;
    const service = await this.store.services.ensure(owner.service, owner.mayIssueTokens ?? false);
    return { kind: "service", id: service.id } as const;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
