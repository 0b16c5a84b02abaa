import { GatewayError } from "@qy-lty/protocol";
import type { Principal } from "../auth/principal.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Session } from "../session/session.ts";
import type { Services, SkillContext } from "../skills/skill.ts";

/** What every call shares. */
export interface SkillRuntime {
  readonly services: Services;
  readonly clock: Clock;
  readonly delivery: Delivery;
}

/** The context of one call. Signal and deadline are made only for skills that take their time. */
export class CallContext implements SkillContext<keyof Services> {
  #controller: AbortController | undefined;
  #aborted: Error | undefined;
  #deadline: Timer | undefined;

  constructor(
    private readonly runtime: SkillRuntime,
    private readonly session: Session,
    private readonly deadlineMs: number,
  ) {}

  get chat() {
    return this.runtime.services.chat;
  }
  get weather() {
    return this.runtime.services.weather;
  }
  get defaultCity() {
    return this.runtime.services.defaultCity;
  }
  get clock() {
    return this.runtime.clock;
  }
  get delivery() {
    return this.runtime.delivery;
  }
  get from(): Principal {
    const { admission } = this.session;
    if (admission === undefined) throw new Error("a frame was dispatched before its session was let in");
    return admission.principal;
  }

  /** A getter, so that who needs none pays for no closure. */
  get signal(): () => AbortSignal {
    return () => {
      if (this.#controller === undefined) {
        this.#controller = new AbortController();
        // Asked for only now, by a handler that has been at work for a while.
        if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
      }
      return this.#controller.signal;
    };
  }

  /** Rejects when the deadline passes; the signal aborts with it. */
  expired(): Promise<never> {
    return new Promise((_, reject) => {
      this.#deadline = this.clock.after(this.deadlineMs, () => {
        this.abort("the deadline passed");
        reject(new GatewayError("UPSTREAM_FAILED", "it took too long"));
      });
    });
  }

  abort(reason: string): void {
    this.#aborted = new Error(reason);
    this.#controller?.abort(this.#aborted);
  }

  /** The call is over, one way or the other. */
  settle(): void {
    this.#deadline?.stop();
  }
}
