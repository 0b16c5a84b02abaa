import { z } from "@hono/zod-openapi";
import { GatewayError, Limits, RESERVED_TYPES } from "@qy-lty/protocol";

const MAX_ID = Number.MAX_SAFE_INTEGER;
const NOT_AN_ID = "must be a positive integer or a string of digits";

/** An id as callers write it: a positive integer, or a string of digits. */
export const id = () =>
  z
    .union(
      [
        z.int().positive(),
        z
          .string()
          .regex(/^\d{1,16}$/)
          .transform(Number)
          .refine((value) => value > 0 && value <= MAX_ID),
      ],
      NOT_AN_ID,
    )
    .openapi({ type: "integer", minimum: 1, description: "A positive integer, or a string of digits." });

/** An id, or null for none. */
export const idOrNull = () =>
  id()
    .nullable()
    .openapi({ type: ["integer", "null"] });

/** The type of a pushed message. Reserved ones are refused by `refuseReserved`, with a code of their own. */
export const messageType = () =>
  z
    .string()
    .min(1)
    .max(Limits.typeChars)
    .openapi({
      description: `Any type but those that only the server says: ${[...RESERVED_TYPES].join(", ")}.`,
      example: "notice",
    });

/** @throws GatewayError `RESERVED_TYPE` for a type that only the server may say */
export function refuseReserved(type: string): void {
  if (RESERVED_TYPES.has(type)) throw new GatewayError("RESERVED_TYPE", type);
}

/** Any JSON value but null and `""`, which count as missing; not `z.unknown()`, which need not be there. */
export const messageBody = () =>
  z
    .custom<unknown>((value) => value !== undefined)
    .openapi({
      type: ["object", "array", "string", "number", "boolean"],
      description: 'Any JSON value but null and "".',
      example: { text: "晚饭好了" },
    });

/** An idempotency key in a body, for callers that cannot set a header. */
export const idempotencyKey = () =>
  z.string().min(1).max(255).optional().openapi({
    description: "The same key answers the same, for 24 h. The header `Idempotency-Key` comes first.",
    example: "dinner-42",
  });

/** Which part of a list. */
export const paging = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).openapi({ description: "How many items at most." }),
  offset: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_ID)
    .default(0)
    .openapi({ type: "integer", description: "How many to pass over." }),
});

/** A name of a person, device or service: what people type, without control characters. */
export const name = (max = 150) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine(
      (value) => value.trim() === value && !/\p{Cc}/u.test(value),
      "must not have spaces at its ends or control characters",
    );

/** A moment: UTC ISO 8601 with `Z`. */
export const moment = () => z.iso.datetime();

/** Milliseconds since the epoch as the API writes them. */
export const toIso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** A list, as `data`. */
export const listOf = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item), total: z.int() });
