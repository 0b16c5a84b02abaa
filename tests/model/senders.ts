import type { Delivery, Push } from "@qy-lty/server/delivery/delivery.ts";
import type { AcceptOutcome } from "@qy-lty/server/store/log-store.ts";
import { demand, type Reference } from "./reference.ts";

/** Those who push, and what they are told: only the truth, and sooner or later something. */
export class Senders {
  readonly #unanswered = new Map<Push, Delivery>();

  constructor(
    private readonly reference: Reference,
    /** What became of the pushes of a number, on the disk. */
    private readonly outcomes: ReadonlyMap<number, ReadonlySet<AcceptOutcome["kind"]>>,
    private readonly see: (what: string) => void,
    private readonly later: (check: () => void) => void,
    /** Whether the disk fails at the moment. */
    private readonly mayFail: () => boolean,
  ) {}

  push(delivery: Delivery, userId: number, deviceId: number | null, push: Push): void {
    this.#unanswered.set(push, delivery);
    const receipt = async () =>
      deviceId === null ? delivery.toUser(userId, push) : delivery.toDevice(deviceId, userId, push);
    receipt().then(
      ({ seq, messageId, duplicate }) => {
        this.#unanswered.delete(push);
        const isThere = seq === null || userId !== 1 || this.reference.at(seq)?.id === messageId;
        const isTrue = duplicate ? this.reference.keyed.has(`${messageId} ${seq}`) : isThere;
        this.later(() => demand(isTrue, "I1, I6", () => `the sender was told ${seq}, which is not on the disk`));
      },
      (error: { readonly code?: string }) => {
        this.#unanswered.delete(push);
        if (error.code === "UNAVAILABLE") this.see("unavailable");
        const isTrue = this.#isJust(push, error.code);
        this.later(() => demand(isTrue, "I13", () => `the sender was refused: ${error.code} ${error}`));
      },
    );
  }

  /** The process is gone that would have answered. */
  forget(delivery: Delivery): void {
    for (const [push, asked] of this.#unanswered) if (asked === delivery) this.#unanswered.delete(push);
  }

  checkAnswered(): void {
    const { size } = this.#unanswered;
    demand(size === 0, "an answer", () => `${size} senders were never answered`);
  }

  #isJust({ message }: Push, code: string | undefined): boolean {
    const kinds = this.outcomes.get((message as { readonly n: number }).n);
    if (code === "QUOTA_EXCEEDED") return kinds?.has("over-quota") === true;
    if (code === "DEVICE_NOT_BOUND") return kinds?.has("not-bound") === true;
    if (code === "CONFLICT") return kinds?.has("conflict") === true;
    return code === "UNAVAILABLE" && this.mayFail();
  }
}
