import { GatewayError, type Schema } from "@qy-lty/protocol";
import type { Operation, Operations } from "../observe/performance.ts";
import type { AnySkill } from "../skills/skill.ts";
import type { CallContext } from "./call-context.ts";

/** A skill as the dispatcher runs it, and how often it did. */
export interface CompiledSkill {
  readonly type: string;
  readonly reply: string;
  readonly overtakes: boolean;
  readonly failure: string | undefined;
  /** The handler's input. @throws GatewayError `INVALID_MESSAGE` */
  validate(message: unknown): unknown;
  handle(input: unknown, context: CallContext): object | Promise<object>;
  readonly operation: Operation;
  /** Frames of its type that came. */
  received: number;
  /** Frames of its reply's type that were sent. */
  answered: number;
}

/** @throws Error when two skills claim one type */
export function compileSkills(skills: readonly AnySkill[], operations: Operations): ReadonlyMap<string, CompiledSkill> {
  const compiled = new Map<string, CompiledSkill>();
  for (const skill of skills) {
    if (compiled.has(skill.type)) throw new Error(`two skills claim the type ${skill.type}`);
    compiled.set(skill.type, {
      type: skill.type,
      reply: skill.reply,
      overtakes: skill.overtakes ?? false,
      failure: skill.failure,
      validate: compileValidator(skill.request),
      handle: skill.handle,
      operation: operations.named(skill.type),
      received: 0,
      answered: 0,
    });
  }
  return compiled;
}

function compileValidator(schema: Schema | undefined): (message: unknown) => unknown {
  if (schema === undefined) return () => undefined;
  const { validate } = schema["~standard"];
  return (message) => {
    // null says nothing, as a missing member does: clients of the original system send both.
    const result = validate(message ?? undefined);
    if (result instanceof Promise) throw new Error("schemas of frames are synchronous");
    if (result.issues === undefined) return result.value;
    const issue = result.issues[0];
    const path = issue?.path?.map((part) => String(typeof part === "object" ? part.key : part)) ?? [];
    throw new GatewayError("INVALID_MESSAGE", `${["message", ...path].join(".")}: ${issue?.message ?? "bad value"}`);
  };
}
