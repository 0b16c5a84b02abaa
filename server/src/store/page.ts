import type { SelectQueryBuilder } from "kysely";
import type { Tables } from "./tables.ts";

/** Which part of a list is wanted. */
export interface PageRequest {
  /** 1 to 1,000. */
  readonly limit: number;
  /** 0 and up. */
  readonly offset: number;
}

/** A part of a list, and how long the whole is. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly total: number;
}

/** One page of `query`, all columns, in order of `order`, or from its end. */
export async function inPages<Table extends keyof Tables, Row>(
  query: SelectQueryBuilder<Tables, Table, object>,
  order: string,
  { limit, offset }: PageRequest,
  direction: "asc" | "desc" = "asc",
): Promise<Page<Row>> {
  const { count } = await query
    .select((expression) => expression.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  const items = await query
    .selectAll()
    .orderBy(order as never, direction)
    .limit(limit)
    .offset(offset)
    .execute();
  return { items: items as Row[], total: Number(count) };
}
