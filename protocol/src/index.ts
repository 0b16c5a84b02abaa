export * from "./catalogue.ts";
export * from "./close.ts";
export * from "./errors.ts";
export * from "./frames.ts";
export * from "./limits.ts";
export * from "./schema.ts";
