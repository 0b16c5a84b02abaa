import { Close, Limits } from "@qy-lty/protocol";
import { Authenticator } from "./auth/authenticator.ts";
import { Authority } from "./auth/authority.ts";
import { Gatekeeper } from "./auth/gatekeeper.ts";
import { Handshakes } from "./auth/handshakes.ts";
import { Login } from "./auth/login.ts";
import { OriginPolicy } from "./auth/origin.ts";
import { Passwords } from "./auth/passwords.ts";
import { TrustedProxies } from "./auth/proxies.ts";
import { Refusals } from "./auth/refusals.ts";
import { MemoryTickets, SharedTickets } from "./auth/tickets.ts";
import { alone } from "./broker/alone.ts";
import type { Broker } from "./broker/broker.ts";
import type { Config } from "./config/config.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { Gathering } from "./delivery/gathering.ts";
import { Inlet } from "./delivery/inlet.ts";
import { MessageLog } from "./delivery/message-log.ts";
import { MessageQueue } from "./delivery/message-queue.ts";
import { Answers } from "./dispatch/answers.ts";
import { Dispatcher } from "./dispatch/dispatcher.ts";
import { PrincipalMeters } from "./dispatch/limits.ts";
import { SharedRates } from "./dispatch/shared-rates.ts";
import { HttpServer } from "./http/server.ts";
import { Events } from "./observe/events.ts";
import type { Logger } from "./observe/log.ts";
import { LoopLag } from "./observe/loop-lag.ts";
import { Metrics } from "./observe/metrics.ts";
import type { Clock } from "./platform/clock.ts";
import { DeviceStatus } from "./presence/device-status.ts";
import { LastSeen } from "./presence/last-seen.ts";
import { LocalPresence } from "./presence/presence.ts";
import { SharedPresence } from "./presence/shared-presence.ts";
import { echo } from "./providers/chat/chat.ts";
import { WeatherCounts } from "./providers/weather/counted.ts";
import { createWeather } from "./providers/weather/create.ts";
import { Greeting } from "./session/greeting.ts";
import { Heartbeats } from "./session/heartbeat.ts";
import { Outbox } from "./session/outbox.ts";
import { Registry } from "./session/registry.ts";
import { MAX_BUFFERED_BYTES } from "./session/session.ts";
import type { SessionHost } from "./session/session-host.ts";
import { skills } from "./skills/index.ts";
import type { Services } from "./skills/skill.ts";
import type { Store } from "./store/store.ts";
import type { Listening, Transport } from "./transport/transport.ts";

/** A skill that has not answered by then has failed, milliseconds. */
const SKILL_DEADLINE_MS = 30_000;
/** What a principal may do over all its connections and requests, as a multiple of what one connection may. */
const PRINCIPAL_RATE_FACTOR = 4;
/** How long a drain waits for peers to answer the close, milliseconds. */
const DRAIN_TIMEOUT_MS = 10_000;
/** How long callers over HTTP then have to be told that they should ask another, milliseconds. */
const LINGER_MS = 250;
/** How long it then waits for requests that are being answered, milliseconds. */
const ANSWER_TIMEOUT_MS = 3_000;

/** What the gateway is made of; tests bring their own clock or transport. */
export interface GatewayParts {
  readonly config: Config;
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Logger;
  /** Carries hints between nodes; absent: there is this one. */
  readonly broker?: Broker;
  /** Replaces the services that the configuration names. */
  readonly services?: Partial<Services>;
}

/** The composition root. Read it from top to bottom to follow a frame: transport → auth → session → dispatch → skill → delivery. */
export class Gateway {
  readonly events: Events;
  readonly registry: Registry;
  readonly delivery: Delivery;
  readonly #host: SessionHost;
  readonly #handshakes: Handshakes;
  readonly #authenticator: Authenticator;
  readonly #authority: Authority;
  readonly #lastSeen: LastSeen;
  readonly #sharedPresence: SharedPresence | null;
  readonly #rates: SharedRates | null;
  readonly #deviceStatus: DeviceStatus;
  readonly #messageLog: MessageLog;
  readonly #queue: MessageQueue;
  readonly #inlet: Inlet | null;
  readonly #loopLag: LoopLag;
  readonly #http: HttpServer;
  #listening: Listening | undefined;
  #draining = false;
  #stopped: Promise<void> | undefined;

  constructor(private readonly parts: GatewayParts) {
    const { config, store, clock } = parts;
    const events = new Events(parts.log);
    const failed = (error: unknown) => events.backgroundError(error);
    this.events = events;

    const connectionRate =
      config.rateLimitMessages === 0
        ? null
        : { burst: config.rateLimitMessages, windowMs: config.rateLimitWindowS * 1000 };
    const principalRate = connectionRate && { ...connectionRate, burst: connectionRate.burst * PRINCIPAL_RATE_FACTOR };

    // Who: credentials, tickets, refusals, and changes to them.
    const tickets = store.shared === null ? new MemoryTickets(clock) : new SharedTickets(store.shared);
    const refusals = new Refusals(clock);
    const proxies = new TrustedProxies(config.trustedProxies);
    this.#authenticator = new Authenticator(store.credentials, store.tokens, clock, failed);

    const passwords = new Passwords();
    const { users, tokens, audit } = store;
    const login = new Login({ users, tokens, audit, passwords, clock, events });

    // Sessions, and the one door out to them.
    const meters = new PrincipalMeters();
    this.#lastSeen = new LastSeen(store.devices, clock, failed);
    const broker = parts.broker ?? alone;
    this.registry = new Registry(clock, meters, this.#lastSeen, broker);
    this.#sharedPresence = store.shared && new SharedPresence(this.registry, store.shared, clock, failed);
    const presence = this.#sharedPresence ?? new LocalPresence(this.registry);
    this.#rates = parts.broker && principalRate ? new SharedRates(meters, broker, clock, principalRate) : null;
    const answers = new Answers(clock, parts.broker);
    this.#messageLog = new MessageLog({
      log: store.log,
      registry: this.registry,
      clock,
      events,
      broker,
      presence,
      shared: store.shared,
      rates: this.#rates,
      answers,
      gathering: new Gathering(clock),
      ttlMs: config.messageTtlS * 1000,
    });
    this.#deviceStatus = new DeviceStatus({ registry: this.registry, broker, shared: store.shared, clock, events });
    this.delivery = this.#messageLog.delivery;
    this.#queue = new MessageQueue({ store: store.queue, delivery: this.delivery, clock, events });
    this.#inlet =
      config.redisUrl === undefined ? null : new Inlet({ url: config.redisUrl, queue: this.#queue, clock, events });
    const gatekeeper = new Gatekeeper({
      authenticator: this.#authenticator,
      tickets,
      refusals,
      devices: store.devices,
      registry: this.registry,
      attacher: this.#messageLog.attacher,
      claims: this.#messageLog.claims,
      rules: config,
      clock,
      events,
    });
    this.#authority = new Authority(store.changes, store.devices, this.registry, refusals, clock, failed, () =>
      events.databaseAnswered(),
    );

    // What a frame can ask for.
    const weatherCounts = new WeatherCounts();
    const services: Services = {
      chat: echo,
      weather: createWeather(config, clock, weatherCounts),
      defaultCity: config.defaultCity,
      ...parts.services,
    };
    const rules = { connectionRate, principalRate, maxChars: config.maxMessageChars, deadlineMs: SKILL_DEADLINE_MS };
    const runtime = { services, clock, delivery: this.delivery };
    const dispatcher = new Dispatcher(skills, runtime, clock, events, rules, answers);
    const heartbeatMs = config.heartbeatS * 1000;
    this.#host = {
      clock,
      events,
      registry: this.registry,
      heartbeats: new Heartbeats(clock, heartbeatMs),
      outbox: new Outbox(),
      dispatcher,
      greeting: new Greeting(clock, heartbeatMs),
      feed: (session, admission, consumer) => this.#messageLog.feed(session, admission, consumer),
    };

    this.#handshakes = new Handshakes({
      host: this.#host,
      gatekeeper,
      origins: new OriginPolicy(config.allowedOrigins),
      proxies,
      events,
      isDraining: () => this.#draining,
    });

    // What an operator sees of all that.
    this.#loopLag = new LoopLag(clock);
    const metrics = new Metrics({
      registry: this.registry,
      events,
      dispatcher,
      messageLog: this.#messageLog,
      queue: this.#queue,
      weather: weatherCounts,
      loopLag: this.#loopLag,
      broker,
      isDraining: () => this.#draining,
    });

    this.#http = new HttpServer({
      config,
      store,
      clock,
      events,
      registry: this.registry,
      lastSeen: this.#lastSeen,
      delivery: this.delivery,
      messageLog: this.#messageLog,
      queue: this.#queue,
      authenticator: this.#authenticator,
      authority: this.#authority,
      tickets,
      login,
      passwords,
      proxies,
      meters,
      metrics,
      broker,
      presence,
      inlet: this.#inlet,
      principalRate,
      isDraining: () => this.#draining,
    });
  }

  /** Starts serving; answers the URL. */
  async start(): Promise<string> {
    const { config, transport } = this.parts;
    await this.#messageLog.start();
    await this.#authority.start();
    this.#queue.start();
    this.#inlet?.start();
    this.#listening = transport.listen({
      host: config.host,
      port: config.port,
      maxFrameBytes: Limits.frameBytes,
      // Ours is reached first, and closes with a reason.
      maxBufferedBytes: 2 * MAX_BUFFERED_BYTES,
      upgrade: (handshake) => this.#handshakes.decide(handshake),
      fetch: (request, peer) => this.#http.fetch(request, peer),
      failed: (error) => this.events.backgroundError(error),
    });
    const host = config.host.includes(":") ? `[${config.host}]` : config.host;
    const url = `http://${host}:${this.#listening.port}`;
    this.events.listening(url);
    return url;
  }

  /** Stops taking connections, closes those that are open (1012), waits for them, and stops. */
  async drain(signal: string): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.events.draining(signal, this.registry.sockets);
    this.#host.outbox.flush();
    this.registry.closeAll(Close.draining);
    await this.registry.emptied(DRAIN_TIMEOUT_MS);
    await this.#finishAnswering();
    await this.stop();
    this.events.stopped();
  }

  /**
   * Whoever asks over HTTP is answered, and told to ask another next; then nobody is listened to any more, and what was asked
   * by then is answered: nobody need wonder what became of a request.
   */
  async #finishAnswering(): Promise<void> {
    const { clock } = this.parts;
    await new Promise<void>((resolve) => void clock.after(LINGER_MS, resolve));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(ANSWER_TIMEOUT_MS, resolve);
    await Promise.race([this.#listening?.finish(), late]);
    timer.stop();
  }

  /** Stops at once; a second time it waits for the first. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#draining = true;
    await this.#listening?.stop();
    this.#loopLag.stop();
    this.#rates?.stop();
    this.#deviceStatus.stop();
    this.#host.heartbeats.stop();
    this.registry.stop();
    await this.#authority.stop();
    this.#authenticator.stop();
    await this.#authenticator.flush();
    await this.#sharedPresence?.stop();
    await this.#inlet?.stop();
    // Before the log that it pushes into.
    await this.#queue.stop();
    await this.#messageLog.stop();
    this.#lastSeen.stop();
    await this.#lastSeen.flush();
    await this.parts.store.close();
  }
}
