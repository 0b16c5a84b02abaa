import { z } from "zod";

/** Words, and what stands for them where they are missing. `null` counts as missing: clients of the original system send it. */
export const words = (missing: string) =>
  z
    .string()
    .nullish()
    .transform((value) => value ?? missing);

/** A body of optional members, which may be missing altogether. */
export const body = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.object(shape).prefault({} as z.input<z.ZodObject<Shape>>);
