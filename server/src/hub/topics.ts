/**
 * Who listens to what, on this node: topics by number (a user's id, a device's id) to members. Most topics have one
 * member, which is kept without a set around it.
 */
export class Topics<Member extends object> {
  readonly #members = new Map<number, Member | Set<Member>>();

  join(topic: number, member: Member): void {
    const present = this.#members.get(topic);
    if (present === undefined) this.#members.set(topic, member);
    else if (present instanceof Set) present.add(member);
    else if (present !== member) this.#members.set(topic, new Set([present, member]));
  }

  leave(topic: number, member: Member): void {
    const present = this.#members.get(topic);
    if (present === member) this.#members.delete(topic);
    else if (present instanceof Set && present.delete(member) && present.size === 0) this.#members.delete(topic);
  }

  /** How many topics somebody listens to. */
  get size(): number {
    return this.#members.size;
  }

  /** Whether anybody listens. */
  has(topic: number): boolean {
    return this.#members.has(topic);
  }

  /** Runs `visit` for every member of `topic`; answers how many there were. Members may leave while it runs. */
  each(topic: number, visit: (member: Member) => void): number {
    const present = this.#members.get(topic);
    if (present === undefined) return 0;
    if (!(present instanceof Set)) {
      visit(present);
      return 1;
    }
    const { size } = present;
    for (const member of present) visit(member);
    return size;
  }

  /** Every topic that somebody listens to. */
  topics(): IterableIterator<number> {
    return this.#members.keys();
  }
}
