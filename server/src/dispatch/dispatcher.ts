import { GatewayError } from "@qy-lty/protocol";
import type { Events } from "../observe/events.ts";
import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import type { Intake } from "../session/intake.ts";
import type { Session } from "../session/session.ts";
import type { AnySkill } from "../skills/skill.ts";
import { Answers } from "./answers.ts";
import { CallContext, type SkillRuntime } from "./call-context.ts";
import { type CompiledSkill, compileSkills } from "./compile.ts";
import { checkEnvelope, frameId, parseFrame } from "./decode.ts";
import { encodeError, encodeReply } from "./encode.ts";
import type { Rate } from "./limits.ts";

/** A frame that waits its turn: decoded, or found bad (whose error waits too, so that answers stay in order). */
export type Work =
  | { readonly skill: CompiledSkill; readonly input: unknown; readonly id: string | undefined }
  | { readonly error: GatewayError; readonly id: string | undefined };

export interface DispatcherOptions {
  /** Frames per connection; null: no limit. */
  readonly connectionRate: Rate | null;
  /** Frames per principal; null: no limit. */
  readonly principalRate: Rate | null;
  /** Longest frame, code points. */
  readonly maxChars: number;
  /** How long a skill may take, milliseconds. */
  readonly deadlineMs: number;
}

/**
 * From a frame's text to its answer. The checks run in the order of the contract: rate, size, JSON, envelope, type,
 * body. A session's frames are answered one after another, but for those whose skill overtakes; a synchronous skill is
 * answered within the call, without a promise.
 */
export class Dispatcher {
  readonly #skills: ReadonlyMap<string, CompiledSkill>;

  constructor(
    skills: readonly AnySkill[],
    private readonly runtime: SkillRuntime,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly options: DispatcherOptions,
    private readonly answers = new Answers(clock),
  ) {
    this.#skills = compileSkills(skills, events.operations);
  }

  /** What it answers, with how often. */
  get skills(): Iterable<CompiledSkill> {
    return this.#skills.values();
  }

  /** Takes a text frame that came at `now`, monotonic ms. */
  receive(session: Session, text: string, now: number): void {
    const { intake } = session;
    if (!this.#withinRate(session, intake, now)) return;
    let id: string | undefined;
    let skill: CompiledSkill | undefined;
    let work: Work;
    try {
      const value = parseFrame(text, this.options.maxChars);
      id = frameId(value);
      const frame = checkEnvelope(value, text.length);
      skill = this.#skills.get(frame.type);
      if (skill === undefined) throw new GatewayError("UNSUPPORTED_TYPE", frame.type);
      skill.received += 1;
      const input = skill.validate(frame.message);
      if (skill.overtakes || intake.current === undefined) {
        this.#run(session, skill, input, id, now);
        return;
      }
      work = { skill, input, id };
    } catch (error) {
      if (skill === undefined) this.events.counts.othersReceived += 1;
      else this.#ended(skill, now, true);
      const known = this.#known(error, undefined);
      if (intake.current === undefined) {
        this.#fail(session, known, id);
        return;
      }
      work = { error: known, id };
    }
    this.#queue(session, work, text.length);
  }

  /** Takes a binary frame, which this protocol has no use for. */
  receiveBinary(session: Session, now: number): void {
    const { intake } = session;
    if (!this.#withinRate(session, intake, now)) return;
    this.events.counts.othersReceived += 1;
    const error = new GatewayError("UNSUPPORTED_BINARY");
    if (intake.current === undefined) this.#fail(session, error, undefined);
    else this.#queue(session, { error, id: undefined }, 0);
  }

  #withinRate(session: Session, intake: Intake, now: number): boolean {
    const { connectionRate, principalRate } = this.options;
    let retryAfterMs = connectionRate === null ? 0 : intake.meter.take(now, connectionRate);
    if (retryAfterMs === 0 && principalRate !== null) retryAfterMs = intake.principalMeter.take(now, principalRate);
    if (retryAfterMs === 0) return true;
    this.events.counts.othersReceived += 1;
    session.fail(new GatewayError("RATE_LIMITED", undefined, { retryAfterMs }), undefined);
    return false;
  }

  /** `started`: when work on it began, monotonic ms. */
  #run(session: Session, skill: CompiledSkill, input: unknown, id: string | undefined, started: number): void {
    if (id !== undefined && this.#answerAgain(session, id)) {
      skill.answered += 1;
      return;
    }
    const context = new CallContext(this.runtime, session, this.options.deadlineMs);
    try {
      const answer = skill.handle(input, context);
      if (answer instanceof Promise) {
        void this.#finish(session, skill, id, context, answer, started);
        return;
      }
      const ended = this.clock.monotonic();
      this.#answer(session, encodeReply(skill.reply, answer, this.clock.isoAt(ended), id), id, skill.overtakes);
      skill.answered += 1;
      this.events.operationEnded(skill.operation, ended - started, false);
    } catch (error) {
      this.#fail(session, this.#known(error, skill), id, error);
      this.#ended(skill, started, true);
    }
  }

  /** A frame that was answered before, and is sent again because the answer may be lost, gets the same one. */
  #answerAgain(session: Session, id: string): boolean {
    const answer = session.consumerName === undefined ? undefined : this.answers.find(session.consumerName, id);
    if (answer === undefined) return false;
    session.send(answer);
    return true;
  }

  /** What overtakes costs nothing to run again, at another node; to tell them all each time would. */
  #answer(session: Session, frame: string, id: string | undefined, overtakes = false): void {
    const { consumerName } = session;
    if (id !== undefined && consumerName !== undefined) {
      if (overtakes) this.answers.keep(consumerName, id, frame);
      else this.answers.share(consumerName, id, frame);
    }
    session.send(frame);
  }

  /** Waits for a slow skill, holding the session's later frames, and goes on with them. */
  async #finish(
    session: Session,
    skill: CompiledSkill,
    id: string | undefined,
    context: CallContext,
    answer: Promise<object>,
    started: number,
  ): Promise<void> {
    const { intake } = session;
    intake.current = context;
    let failed = false;
    try {
      const body = await Promise.race([answer, context.expired()]);
      this.#answer(session, encodeReply(skill.reply, body, this.clock.iso(), id), id);
      skill.answered += 1;
    } catch (error) {
      failed = true;
      if (!session.isClosed) this.#fail(session, this.#known(error, skill), id, error);
    } finally {
      context.settle();
      // Also where nobody waits any more: who left because it was slow must not make it look fast.
      this.#ended(skill, started, failed);
      if (intake.current === context) intake.current = undefined;
    }
    this.#resume(session);
  }

  #queue(session: Session, work: Work, chars: number): void {
    if (session.isClosed) return;
    session.intake.queue(work, chars);
    session.regulate();
  }

  #resume(session: Session): void {
    const { intake } = session;
    while (intake.current === undefined) {
      const work = intake.inbox?.shift();
      if (work === undefined) break;
      if ("error" in work) this.#fail(session, work.error, work.id);
      else this.#run(session, work.skill, work.input, work.id, this.clock.monotonic());
    }
    session.regulate();
  }

  #ended(skill: CompiledSkill, started: number, failed: boolean): void {
    this.events.operationEnded(skill.operation, this.clock.monotonic() - started, failed);
  }

  #known(error: unknown, skill: CompiledSkill | undefined): GatewayError {
    if (!(error instanceof GatewayError)) return new GatewayError("INTERNAL_ERROR", undefined, { cause: error });
    if (error.code !== "UPSTREAM_FAILED" || skill?.failure === undefined || error.message.startsWith(skill.failure))
      return error;
    return new GatewayError(error.code, undefined, { message: skill.failure, cause: error.cause });
  }

  #fail(session: Session, error: GatewayError, id: string | undefined, cause: unknown = error.cause): void {
    this.events.counts.socketErrors.add(error.code);
    if (error.code !== "INTERNAL_ERROR") {
      if (error.code === "UPSTREAM_FAILED") this.events.upstreamFailed(session, error.message, cause);
      this.#answer(session, encodeError(error, this.clock.iso(), id), id);
      return;
    }
    const requestId = newId();
    this.events.internalError(cause, requestId, session.id);
    this.#answer(session, encodeError(error, this.clock.iso(), id, requestId), id);
  }
}
