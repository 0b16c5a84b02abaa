import { z } from "zod";

/** A non-empty text. */
export const text = () => z.string().trim().min(1, "must not be empty");

/** A non-empty text that is never printed. */
export const secret = () => text().meta({ secret: true });

/** A whole number between `min` and `max`, both included. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `expected a whole number from ${min} to ${max}`)
    .meta({ expects: `whole number, ${min} to ${max}` });

/** `true` or `false` (`1` and `0` too). */
export const flag = () =>
  z
    .enum(["true", "false", "1", "0"], "expected true or false")
    .transform((value) => value === "true" || value === "1")
    .meta({ expects: "true or false" });

/** One of a few words. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  z.enum(words, `expected one of ${words.join(", ")}`).meta({ expects: words.join(", ") });

/** Words separated by commas; empty for none. */
export const list = () =>
  z
    .string()
    .transform((value) =>
      value
        .split(",")
        .map((word) => word.trim())
        .filter((word) => word !== ""),
    )
    .meta({ expects: "comma-separated list" });
