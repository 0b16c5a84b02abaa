import { expect } from "bun:test";
import type { HttpAnswer } from "./client.ts";

/** UTC ISO 8601 with `Z`. */
export const timestamp: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** A failure of the API, in every part. */
export function expectFailure({ status, headers, body }: HttpAnswer, wanted: number, code: string): void {
  const failure = { status: "error", message: expect.any(String), code, request_id: expect.any(String) };
  expect({ status, body }).toEqual({ status: wanted, body: failure });
  expect(headers.get("content-type")).toStartWith("application/json");
}

/** A success of the API: its `data`. */
export function expectSuccess({ status, body }: HttpAnswer, wanted = 200, message = "success"): unknown {
  expect({ status, body }).toEqual({ status: wanted, body: { status: "success", message, data: expect.anything() } });
  return body.data;
}
