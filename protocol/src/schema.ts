import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";

/** A validator that can also print itself as JSON Schema (Standard Schema + Standard JSON Schema). Zod ≥ 4.2 is this, unwrapped. */
export type Schema<In = unknown, Out = In> = StandardSchemaV1<In, Out> & StandardJSONSchemaV1<In, Out>;
export type Input<S extends Schema> = StandardSchemaV1.InferInput<S>;
export type Output<S extends Schema> = StandardSchemaV1.InferOutput<S>;
