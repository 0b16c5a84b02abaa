import { z } from "zod";

/**
 * Fields that both services answer with, bounded: what passes goes out in frames, so an upstream gone wrong can neither
 * flood a client nor put anything but weather before it.
 */

/** Degrees Celsius, written as the wire wants them: rounded to a whole number, and never "-0". */
export const Celsius = z
  .number()
  .min(-100)
  .max(100)
  .transform((degrees) => String(Math.round(degrees)));

/** A few words: a condition or the name of a place. */
export const Words = z.string().min(1).max(200);

export const Latitude = z.number().min(-90).max(90);
export const Longitude = z.number().min(-180).max(180);

/** A number that a service writes as text: "39.90499". */
export const NumberText = z
  .string()
  .regex(/^-?\d{1,4}(\.\d{1,20})?$/)
  .transform(Number);

/** `2026-11-23T15:30`, to which a service adds a zone or not. */
export const MINUTE = "\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}";
