import { Close } from "@qy-lty/protocol";
import type { Push } from "@qy-lty/server/delivery/delivery.ts";
import type { Cursor, Quota, StreamPosition } from "@qy-lty/server/store/log-store.ts";
import { HeldLog } from "@qy-lty/server/store/testing/held-log.ts";
import { Client, KINDS } from "./client.ts";
import { ModelClock } from "./clock.ts";
import { DEVICES, type Disk, type DiskKind } from "./disk.ts";
import { findHints, type Hints, loseHints } from "./hints.ts";
import { ServerNode } from "./node.ts";
import { demand, Reference } from "./reference.ts";
import { Senders } from "./senders.ts";
import { idsOf, WatchedLog } from "./watched-log.ts";
import { type Surroundings, Wire } from "./wire.ts";

export const QUOTA: Quota = { messages: 90, bytes: 1_000_000 };
/** After so long the sweep has been round, milliseconds. */
export const SWEPT_MS = 4_500;
/** Consumers whose attempts are known to the last. */
const EXACT = new Set(
  KINDS.flatMap(({ isReliable, deviceId, consumer }) => (isReliable && deviceId !== null ? consumer : [])),
);
const CONSUMERS = [...new Set(KINDS.map(({ consumer }) => consumer))];

/** A server, its disk, its clients and the network between them, with the reference that watches it all. */
export class World implements Surroundings {
  readonly reference = new Reference(QUOTA);
  readonly clients = KINDS.map((kind) => new Client(kind));
  /** What was first said under an idempotency key. */
  readonly keyed = new Map<number, { readonly to: number | null; readonly push: Push }>();
  readonly #watched: WatchedLog;
  readonly #senders: Senders;
  #gate: HeldLog;
  #node: ServerNode;
  #wires: Wire[] = [];
  /** Copies of the disk, with what the reference knew. */
  readonly #copies: (() => Promise<void>)[] = [];
  readonly #checks: (() => void)[] = [];
  readonly #firstSent = new Map<string, number>();
  /** Where the furthest behind of those that left a consumer stood. */
  readonly #held = new Map<string, { readonly passed: number; readonly of: object | undefined }>();
  #order = 0;
  #earliest = 0;
  #isSlow = false;
  #hintsAreLost = false;
  /** Writes fail, or have failed since the last sweep. */
  #mayFail = false;
  #isSwept = false;
  #wentBack = false;

  /** A server on an empty disk; `see` is told of what is worth knowing. */
  static async make(kind: DiskKind, see: (what: string) => void = () => {}): Promise<World> {
    const clock = new ModelClock();
    const world = new World(kind, clock, await kind.make(clock.ofProcess(), QUOTA), see);
    await world.#node.messages.start();
    return world;
  }

  private constructor(
    private readonly kind: DiskKind,
    private readonly clock: ModelClock,
    readonly disk: Disk,
    readonly see: (what: string) => void,
  ) {
    this.#watched = new WatchedLog(
      () => this.disk.log,
      this.reference,
      CONSUMERS,
      see,
      () => this.#wentBack,
    );
    this.#senders = new Senders(this.reference, this.#watched.outcomes, see, this.later, () => this.#mayFail);
    this.#gate = new HeldLog(this.#watched, kind.answersLater);
    this.#node = new ServerNode(this.#gate, clock);
  }

  monotonic = () => this.clock.monotonic();
  earliest = () => this.#earliest;
  heldAt = (seq: number) => this.disk.log.idAt(1, seq) as string | undefined;
  firstSent = (consumer: string, id: string) => this.#firstSent.get(`${consumer} ${id}`);
  later = (check: () => void) => void this.#checks.push(check);
  joined = (consumer: string) => void this.#held.delete(consumer);

  left(consumer: string, passed: number): void {
    this.#hold(consumer, Math.min(this.#heldOf(consumer), passed));
  }

  #hold(consumer: string, passed: number): void {
    this.#held.set(consumer, { passed, of: this.reference.timeline.starts.get(consumer) });
  }

  /** Where one stood that left; not where it was an app that was forgotten since, and met anew. */
  #heldOf(consumer: string): number {
    const held = this.#held.get(consumer);
    const isSame = held !== undefined && held.of === this.reference.timeline.starts.get(consumer);
    return isSame ? held.passed : Number.POSITIVE_INFINITY;
  }

  note(consumer: string, id?: string): number {
    const key = `${consumer} ${id}`;
    this.#order += 1;
    if (id !== undefined && !this.#firstSent.has(key)) this.#firstSent.set(key, this.#order);
    return this.#order;
  }

  /** One step of the model: does something, lets it have its effects, and looks whether all is as it should be. */
  async step(work: () => void | Promise<void>): Promise<void> {
    this.#earliest = this.clock.now();
    await work();
    this.#earliest = Math.min(this.#earliest, this.clock.now());
    await this.#settle();
    this.#check();
  }

  push(deviceId: number | null, push: Push, userId = 1): void {
    this.#senders.push(this.#node.messages.delivery, userId, deviceId, push);
  }

  /** A client connects; `lie`: and says that it stands where it cannot. */
  connect(client: Client, lie = false): void {
    const { kind } = client;
    client.link?.loseClient();
    let { place } = client;
    const owner = this.#ownerOf(kind.deviceId);
    const isTheirs = owner !== 1;
    if (lie && place !== null) {
      place = { ...place, seq: place.seq + 3, last: "a lie" };
      this.#wentBack = true;
    } else if (!isTheirs && place?.last && this.reference.at(place.seq)?.id === place.last) {
      this.reference.answer(kind.consumer, this.reference.between(0, place.seq));
      if (this.#held.has(kind.consumer)) this.#hold(kind.consumer, Math.max(this.#heldOf(kind.consumer), place.seq));
    }
    const { epoch } = this.disk.log.position(1) as StreamPosition;
    const wire = new Wire(kind, place, epoch, this, isTheirs);
    client.link = wire.link;
    this.#wires.push(wire);
    const credential = client.credential(owner);
    const { role, clientId, isReliable } = kind;
    wire.session = this.#node.connect(wire.link, {
      credential,
      request: { role, clientId },
      isReliable,
      resume: isReliable ? place : null,
    });
  }

  /** What clients said reaches the server, at most so much from each; answers how much. */
  carryUp(client: Client, most: number): number {
    let carried = 0;
    for (const wire of this.#wires) {
      if (wire.link !== client.link) continue;
      for (; carried < most; carried++) {
        const [said] = wire.link.up;
        if (said !== undefined) wire.hear(said);
        if (!wire.link.carryUp()) break;
      }
    }
    return carried;
  }

  /** Time passes, in steps small enough for what waits for one another. */
  async pass(ms: number): Promise<void> {
    const step = Math.max(100, ms / 40);
    for (let passed = 0; passed < ms; passed += step) {
      this.clock.advance(Math.min(step, ms - passed));
      this.reference.look(this.clock.now());
      await this.#settle();
    }
    if (ms < SWEPT_MS || this.#isSlow) return;
    this.#hintsAreLost = false;
    findHints(this.#node.messages.delivery);
    this.#isSwept = true;
  }

  sleep(ms: number): void {
    this.clock.sleep(ms);
    this.reference.look(this.clock.now());
  }

  setClock(ms: number): void {
    this.clock.stepWall(ms);
    this.reference.look(this.clock.now());
  }

  holdDisk(): void {
    this.#gate.hold();
    this.#isSlow = true;
  }

  /** The disk does the next thing that it was asked for, or answers the next that it has done, or both. */
  async stepDisk(how: "perform" | "answer" | "step"): Promise<void> {
    await this.#gate[how]();
  }

  async releaseDisk(): Promise<void> {
    this.#isSlow = false;
    await this.#gate.release();
  }

  failWrites(count: number): void {
    this.#mayFail = true;
    this.#gate.failNext(...Array.from({ length: count }, () => new Error("disk full")));
  }

  /** From now on, until the sweep has been round. */
  loseHints(how: Hints): void {
    loseHints(this.#node.messages.delivery, how);
    if (how !== "order") this.#hintsAreLost = true;
  }

  /** A device goes to another user, or comes back; its connection ends, as the server ends it when it hears of it. */
  rebind(deviceId: number, userId: number): void {
    if (this.#ownerOf(deviceId) === userId) return;
    this.disk.bind(deviceId, userId);
    this.#node.registry.closeWhere(
      (admission) => admission.role === "device" && admission.deviceId === deviceId && admission.userId !== userId,
      Close.bindingChanged,
    );
    this.reference.bind(deviceId, userId);
    this.#held.delete(`device:${deviceId}`);
    this.see("rebound");
  }

  #ownerOf(deviceId: number | null): number {
    return deviceId === null ? 1 : (this.reference.timeline.owners.get(deviceId) ?? 1);
  }

  copy(as: "copy" | "backup"): void {
    const [disk, reference] = [this.disk.copy(as), this.reference.copy()];
    this.#copies.push(async () => {
      await disk();
      reference();
    });
  }

  /** The process dies, with so many writes done that it never heard of; another serves the disk, or a copy of it. */
  async crash(done: number, copy?: number): Promise<void> {
    await this.#gate.crash(done);
    this.#node.die();
    await this.#begin(copy);
  }

  async restart(): Promise<void> {
    this.#gate.heal();
    await this.releaseDisk();
    await this.#node.stop();
    await this.#gate.crash(0);
    await this.#begin();
  }

  async #begin(copy?: number): Promise<void> {
    for (const { link } of this.#wires.splice(0)) {
      link.die();
      link.loseClient();
    }
    const restore = copy === undefined ? undefined : this.#copies[copy % this.#copies.length];
    if (restore === undefined) await this.disk.reopen();
    else {
      await restore();
      this.#wentBack = true;
    }
    for (const consumer of CONSUMERS) {
      const cursor = this.disk.log.cursor({ consumer, userId: 1 }) as Cursor | undefined;
      if (cursor !== undefined)
        this.reference.beginTries(
          consumer,
          cursor.acked,
          cursor.attempts,
          restore === undefined && EXACT.has(consumer),
        );
    }
    this.#isSlow = this.#hintsAreLost = this.#mayFail = false;
    this.#senders.forget();
    this.#held.clear();
    // Who had no cursor yet is not known to have been sent anything.
    for (const consumer of CONSUMERS) {
      if (this.disk.log.cursor({ consumer, userId: 1 }) !== undefined) continue;
      for (const key of [...this.#firstSent.keys()]) if (key.startsWith(`${consumer} `)) this.#firstSent.delete(key);
    }
    this.#gate = new HeldLog(this.#watched, this.kind.answersLater);
    this.#node = new ServerNode(this.#gate, this.clock);
    await this.#node.messages.start();
  }

  async #settle(): Promise<void> {
    for (let turns = 0; turns < 3; turns++) {
      await new Promise(setImmediate);
      if (this.#gate.isBusy) turns = -1;
    }
  }

  #check(): void {
    this.#wires = this.#wires.filter(({ link }) => link.isServed);
    const { reference, disk } = this;
    reference.look(this.clock.now());
    for (const consumer of CONSUMERS) {
      const cursor = disk.log.cursor({ consumer, userId: 1 }) as { readonly acked: number } | undefined;
      if (cursor === undefined) this.#checkForgotten(consumer);
      else this.#checkCursor(consumer, cursor.acked);
    }
    reference.checkHeld(idsOf(disk.log));
    for (const check of this.#checks.splice(0)) check();
    if (!this.#isSlow && !this.#hintsAreLost && !this.#mayFail) for (const wire of this.#wires) this.#checkSent(wire);
    const [error] = this.#node.errors.splice(0);
    demand(error === undefined || this.#mayFail, "an error", () =>
      String(error instanceof Error ? error.stack : error),
    );
    if (this.#isSwept && this.#gate.failing === 0) this.#mayFail = false;
    this.#isSwept = false;
    for (const { deviceId } of KINDS) {
      if (deviceId === null) continue;
      const its = this.#wires.filter(({ kind, isLive }) => isLive && kind.isReliable && kind.deviceId === deviceId);
      demand(its.length <= 1, "I10", () => `a device has ${its.length} connections`);
    }
  }

  /** A consumer without a cursor has never been here, or was away for long; messages do not wait for it. */
  #checkForgotten(consumer: string): void {
    this.reference.timeline.cursors.delete(consumer);
    const isApp = consumer.startsWith("app:");
    const isHere = this.#wires.some(({ kind, isLive }) => isLive && kind.consumer === consumer);
    demand(!isApp || !isHere || this.#mayFail, "I1", () => `${consumer} was forgotten, though it is connected`);
  }

  /** Shared or not, a cursor is the least of what its connections acknowledged, and stays where one stood that left. */
  #checkCursor(consumer: string, acked: number): void {
    this.reference.checkCursor(consumer, acked);
    const passed = this.#wires
      .filter(({ kind, isLive, isTheirs }) => isLive && !isTheirs && kind.consumer === consumer)
      .map((wire) => wire.passed);
    const least = Math.min(this.#heldOf(consumer), ...passed);
    demand(acked <= least, "I8", () => `the cursor of ${consumer} is at ${acked}, a connection of it at ${least}`);
  }

  /** Nothing waits that could be sent: no wake-up was lost. */
  #checkSent(wire: Wire): void {
    const { kind, session, last } = wire;
    if (session?.congested) this.see("congested");
    if (!wire.isLive || wire.isTheirs || session?.congested || (!kind.isReliable && !wire.hasPonged)) return;
    const { reference } = this;
    const due = reference.between(last, reference.top).find((entry) => !reference.isExcused(kind.consumer, entry));
    if (due === undefined) return;
    demand(!wire.takes(due), "a lost wake-up", () => `${kind.name} was not sent ${due.seq}, it has ${last}`);
    this.see("full window");
  }

  /** In the end everything is well: everybody connects, and gets all there is for them. */
  async finish(): Promise<void> {
    await this.step(() => this.releaseDisk());
    await this.step(() => {
      for (const { link } of this.#wires) link.cut("both");
    });
    for (const deviceId of DEVICES) await this.step(() => this.rebind(deviceId, 1));
    for (const client of this.clients) {
      await this.step(() => this.connect(client));
      for (let rounds = 0; !this.#isDone(client); rounds++) {
        demand(rounds < 100, "I1", () => `${client.kind.name} never came to the end of the log`);
        await this.step(() => void client.read(1_000));
        await this.step(() => client.acknowledge(false));
        await this.step(() => void this.carryUp(client, 1_000));
        await this.step(() => this.pass(300));
        if (!client.link?.isHeld || !client.link.isServed) await this.step(() => this.connect(client));
      }
      await this.step(() => client.link?.cut("both"));
    }
    this.#senders.checkAnswered();
  }

  #isDone({ kind: { consumer } }: Client): boolean {
    const cursor = this.disk.log.cursor({ consumer, userId: 1 }) as { readonly acked: number } | undefined;
    return (cursor?.acked ?? (this.reference.top === 0 ? 0 : -1)) === this.reference.top;
  }
}
