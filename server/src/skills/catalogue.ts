import { type ProtocolFrame, protocolFrames, type Schema } from "@qy-lty/protocol";
import { skills } from "./index.ts";
import type { AnySkill } from "./skill.ts";

/** A JSON Schema (2020-12) of an object. */
export interface ObjectSchema {
  readonly type: "object";
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
  readonly [keyword: string]: unknown;
}

/** One frame of the protocol, as documents show it. */
export interface FrameDocument {
  /** Names it; its `type`, but for frames that share one, or have any. */
  readonly name: string;
  readonly from: "client" | "server";
  /** Only on connections of `lty.v1`. */
  readonly isReliable: boolean;
  readonly summary: string;
  /** Of the whole frame. */
  readonly schema: ObjectSchema;
  readonly examples: readonly { readonly name: string; readonly frame: object }[];
  /** Of what a client asks: the name of the answer's frame, and whether it overtakes. */
  readonly asks?: { readonly reply: string; readonly overtakes: boolean };
}

/** Stands for the moment at which an example's answer is made. */
const MOMENT = "2026-01-01T00:00:00.000Z";
const TYPE_OF_TIMESTAMP = {
  type: "string",
  format: "date-time",
  description: "When the server made the frame, UTC ISO 8601.",
};

/** Every frame, those of the skills first. */
export function frameCatalogue(): readonly FrameDocument[] {
  return [...skills.flatMap((skill) => [askedBy(skill), answeredBy(skill)]), ...protocolFrames.map(document)];
}

function askedBy(skill: AnySkill): FrameDocument {
  const { type, reply, summary, request, overtakes = false, examples } = skill;
  const message = request === undefined ? { description: "Not looked at." } : jsonSchema(request, "input");
  return {
    name: type,
    from: "client",
    isReliable: false,
    summary,
    schema: {
      type: "object",
      properties: {
        type: { const: type },
        message,
        id: { type: "string", description: "Comes back in the answer." },
        timestamp: { description: "Not looked at." },
      },
      required: isRequired(request) ? ["type", "message"] : ["type"],
    },
    examples: examples.map((example) => ({
      name: example.name,
      frame: { type, ...(example.request !== undefined && { message: example.request }) },
    })),
    asks: { reply, overtakes },
  };
}

function answeredBy({ type, reply, response, examples }: AnySkill): FrameDocument {
  const { properties = {}, required = [] } = jsonSchema(response, "output") as Partial<ObjectSchema>;
  return {
    name: reply,
    from: "server",
    isReliable: false,
    summary: `The answer to \`${type}\`.`,
    schema: {
      type: "object",
      properties: {
        type: { const: reply },
        ...properties,
        timestamp: TYPE_OF_TIMESTAMP,
        id: { type: "string", description: "That of the frame it answers, where that had one." },
      },
      required: ["type", ...required, "timestamp"],
    },
    examples: examples.map((example) => ({
      name: example.name,
      frame: { type: reply, ...example.response, timestamp: MOMENT },
    })),
  };
}

function document({ name, from, isReliable, summary, schema, example }: ProtocolFrame): FrameDocument {
  // Of what we say, all that is said; of what is said to us, all that is understood.
  const side = from === "client" ? "input" : "output";
  const { additionalProperties: _, ...rest } = jsonSchema(schema, side);
  const object = { required: [], ...rest } as unknown as ObjectSchema;
  return { name, from, isReliable, summary, schema: object, examples: [{ name, frame: example }] };
}

/** As the schema itself prints it (Standard JSON Schema). Members that it does not name are allowed everywhere. */
function jsonSchema(schema: Schema, side: "input" | "output"): Readonly<Record<string, unknown>> {
  const { $schema: _, ...rest } = schema["~standard"].jsonSchema[side]({ target: "draft-2020-12" });
  return open(rest) as Readonly<Record<string, unknown>>;
}

/** Unknown members are ignored, by us and by whoever reads us: new ones may come. */
function open(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(open);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, inner]) => key !== "additionalProperties" || inner !== false);
  return Object.fromEntries(entries.map(([key, inner]) => [key, open(inner)]));
}

function isRequired(request: Schema | undefined): boolean {
  if (request === undefined) return false;
  const result = request["~standard"].validate(undefined);
  return !(result instanceof Promise) && result.issues !== undefined;
}
