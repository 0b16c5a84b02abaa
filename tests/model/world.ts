import { Close } from "@qy-lty/protocol";
import type { Push } from "@qy-lty/server/delivery/delivery.ts";
import type { AcceptOutcome, Quota } from "@qy-lty/server/store/log-store.ts";
import { Client, KINDS } from "./client.ts";
import { ModelClock } from "./clock.ts";
import { Copies } from "./copies.ts";
import type { Disk, DiskKind, Look } from "./disk.ts";
import { findHints, type Hints, loseHints } from "./hints.ts";
import { Holds } from "./holds.ts";
import { Inspection } from "./inspection.ts";
import { Knowledge } from "./knowledge.ts";
import type { Process } from "./process.ts";
import { demand, Reference } from "./reference.ts";
import { Senders } from "./senders.ts";
import { Servers } from "./servers.ts";
import { type Surroundings, Wire } from "./wire.ts";

export const QUOTA: Quota = { messages: 90, bytes: 1_000_000 };
/** After so long the sweep has been round, milliseconds. */
export const SWEPT_MS = 4_500;
/** After so long cursors are written, milliseconds. */
const WRITTEN_MS = 1_000;
const NOTHING: Look = { epoch: "", cursors: new Map(), ids: [] };

/** Servers, their disk, their clients and the network between them, with the reference that watches it all. */
export class World implements Surroundings {
  readonly reference = new Reference(QUOTA);
  readonly holds = new Holds(this.reference);
  readonly known = new Knowledge(this.reference, this.holds);
  readonly clients = KINDS.map((kind) => new Client(kind));
  /** What was first said under an idempotency key. */
  readonly keyed = new Map<number, { readonly to: number | null; readonly push: Push }>();
  readonly senders: Senders;
  readonly #inspection: Inspection;
  readonly #servers: Servers;
  #wires: Wire[] = [];
  readonly copies: Copies;
  readonly #checks: (() => void)[] = [];
  #look: Look = NOTHING;
  #earliest = 0;
  #hintsAreLost = false;
  /** Writes fail, or have failed since the last sweep. */
  #mayFail = false;
  #isSwept = false;
  #isWritten = false;
  #wentBack = false;

  /** Servers on an empty disk; `see` is told of what is worth knowing. */
  static async make(kind: DiskKind, see: (what: string) => void = () => {}): Promise<World> {
    const clock = new ModelClock();
    const world = new World(kind, clock, await kind.make(clock.ofProcess(), QUOTA), see);
    await world.start();
    return world;
  }

  private constructor(
    private readonly kind: DiskKind,
    private readonly clock: ModelClock,
    readonly disk: Disk,
    readonly see: (what: string) => void,
  ) {
    const { reference } = this;
    this.copies = new Copies(disk, reference);
    const outcomes = new Map<number, Set<AcceptOutcome["kind"]>>();
    const watch = { reference, outcomes, see, look: () => disk.look(), wentBack: () => this.#wentBack };
    this.#servers = new Servers(kind, disk, clock, watch);
    this.senders = new Senders(reference, outcomes, see, this.later, () => this.#mayFail);
    this.#inspection = new Inspection(reference, this.holds, see);
  }

  /** Whether several nodes serve the disk. */
  get isShared(): boolean {
    return this.kind.nodes > 1;
  }

  monotonic = () => this.clock.monotonic();
  earliest = () => this.#earliest;
  later = (check: () => void) => void this.#checks.push(check);

  /** One step of the model: does something, lets it have its effects, and looks whether all is as it should be. */
  async step(work: () => void | Promise<void>): Promise<void> {
    this.#earliest = this.clock.now();
    await work();
    this.#earliest = Math.min(this.#earliest, this.clock.now());
    await this.#servers.settle();
    this.#look = await this.disk.look();
    this.#check();
  }

  push(at: number, deviceId: number | null, push: Push, userId = 1): void {
    this.senders.push(this.#servers.at(at).node.messages.delivery, userId, deviceId, push);
  }

  /** A client connects; `lie`: and says that it stands where it cannot. */
  connect(client: Client, at = 0, lie = false): void {
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
      this.holds.moveUp(kind.consumer, place.seq);
    }
    const process = this.#servers.at(at);
    const wire = new Wire(kind, process, place, this.#look.epoch, this, isTheirs);
    client.link = wire.link;
    this.#wires.push(wire);
    const credential = client.credential(owner);
    const { role, clientId, isReliable } = kind;
    wire.session = process.node.connect(wire.link, {
      credential,
      request: { role, clientId },
      isReliable,
      resume: isReliable ? place : null,
    });
  }

  /** What clients said reaches the server, at most so much from each; answers how much. */
  carryUp(client: Client, most: number): number {
    return this.#wires.find(({ link }) => link === client.link)?.carryUp(most) ?? 0;
  }

  /** Time passes, in steps small enough for what waits for one another. */
  async pass(ms: number): Promise<void> {
    const step = Math.max(100, ms / 40);
    for (let passed = 0; passed < ms; passed += step) {
      this.clock.advance(Math.min(step, ms - passed));
      this.reference.look(this.clock.now());
      await this.#servers.settle();
    }
    this.#isWritten = ms >= WRITTEN_MS;
    if (ms < SWEPT_MS || this.#servers.isSlow) return;
    this.#hintsAreLost = false;
    for (const { node } of this.#servers.running) findHints(node);
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

  holdDisk(at: number): void {
    if (this.isShared) this.known.mayBeLate();
    this.#servers.at(at).hold();
  }

  /** The disk does the next thing that it was asked for, or answers the next that it has done, or both. */
  async stepDisk(at: number, how: "perform" | "answer" | "step"): Promise<void> {
    await this.#servers.at(at).gate[how]();
  }

  async releaseDisk(): Promise<void> {
    await this.#servers.release();
  }

  failWrites(at: number, count: number): void {
    this.#mayFail = true;
    if (this.isShared) this.known.mayBeLate();
    this.#servers.at(at).fail(count);
  }

  /** From now on, until the sweep has been round. */
  loseHints(at: number, how: Hints): void {
    loseHints(this.#servers.at(at).node, how);
    if (how !== "order") this.#hintsAreLost = true;
  }

  /** A device goes to another user, or comes back; its connection ends, as the server ends it when it hears of it. */
  async rebind(deviceId: number, userId: number): Promise<void> {
    if (this.#ownerOf(deviceId) === userId) return;
    await this.disk.bind(deviceId, userId);
    for (const { node } of this.#servers.running) {
      node.registry.closeWhere(
        (admission) => admission.role === "device" && admission.deviceId === deviceId && admission.userId !== userId,
        Close.bindingChanged,
      );
    }
    this.reference.bind(deviceId, userId);
    this.holds.forget(`device:${deviceId}`);
    this.see("rebound");
  }

  #ownerOf(deviceId: number | null): number {
    return deviceId === null ? 1 : (this.reference.timeline.owners.get(deviceId) ?? 1);
  }

  /** The others hear nothing of a process, nor it of them, until it finds its way back. */
  async cutOff(at: number): Promise<void> {
    if (this.isShared) this.known.tear();
    await this.#servers.at(at).cutOff();
  }

  /** A process dies, with so many writes done that it never heard of. The last one's place is taken at once. */
  async crash(at: number, done: number): Promise<void> {
    await this.#kill(this.#servers.at(at), done);
    if (this.#servers.running.length > 0) await this.#recall(true);
    else await this.start();
  }

  /** Another takes the place of each that is gone. */
  async start(isOwn = true): Promise<void> {
    const begun = await this.#servers.make();
    if (begun.length === 0) return;
    if (begun.length === this.#servers.running.length) {
      this.#hintsAreLost = this.#mayFail = false;
      await this.#recall(isOwn);
    }
    for (const { node } of begun) await node.messages.start();
  }

  /** All die, and others serve a copy of the disk. */
  async restore(copy: number): Promise<void> {
    for (const process of this.#servers.running) await this.#kill(process, 0);
    const isOlder = await this.copies.restore(copy);
    if (isOlder) this.#wentBack = true;
    await this.start(!isOlder);
  }

  async restart(at: number): Promise<void> {
    const process = this.#servers.at(at);
    await process.stop();
    this.#gone(process);
    if (this.#servers.running.length > 0) await this.#recall(true);
    await this.start();
  }

  async #kill(process: Process, done: number): Promise<void> {
    await process.die(done);
    this.#gone(process);
  }

  #gone(process: Process): void {
    this.#servers.remove(process);
    if (this.#servers.running.length === 0) this.holds.clear();
    this.senders.forget(process.node.messages.delivery);
    for (const { link } of this.#wires.filter((wire) => wire.process === process)) {
      link.die();
      link.loseClient();
    }
  }

  /** After the end of some: `isOwn`: the disk is as they left it. */
  async #recall(isOwn: boolean): Promise<void> {
    this.#look = await this.disk.look();
    this.known.recall(this.#look, this.#servers.running, isOwn);
  }

  #check(): void {
    this.#wires = this.#wires.filter(({ link }) => link.isServed);
    this.reference.look(this.clock.now());
    const mayFail = this.#mayFail;
    const isPrompt = !this.#servers.isSlow && !this.#hintsAreLost && !mayFail;
    const isCutOff = this.#servers.running.some((process) => process.isCutOff);
    const { isTorn } = this.known;
    const scene = {
      look: this.#look,
      wires: this.#wires,
      isPrompt,
      mayFail,
      isCutOff,
      isTorn,
      isWritten: this.#isWritten,
    };
    this.#inspection.inspect(scene, this.#checks.splice(0));
    for (const { node } of this.#servers.running) {
      const [error] = node.errors.splice(0);
      demand(error === undefined || mayFail, "an error", () => String(error instanceof Error ? error.stack : error));
    }
    if (this.#isSwept && this.#servers.running.every(({ gate }) => gate.failing === 0)) this.#mayFail = false;
    this.#isSwept = this.#isWritten = false;
  }

  /** Every connection breaks. */
  cutAll(): void {
    for (const { link } of this.#wires) link.cut("both");
  }

  /** Whether a client has everything. */
  isDone({ kind: { consumer } }: Client): boolean {
    const acked = this.#look.cursors.get(consumer)?.acked ?? (this.reference.top === 0 ? 0 : -1);
    return acked === this.reference.top;
  }

  /** Nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#servers.running) await process.die(0);
    await this.disk[Symbol.asyncDispose]();
  }
}
