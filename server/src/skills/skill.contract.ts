import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestSocket } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";
import type { AnySkill } from "./skill.ts";

/** What one skill answers, beyond its examples. */
export interface SkillCases {
  /** A body, and members of its answer. */
  readonly answers?: readonly (readonly [body: unknown, answer: object])[];
  /** A body, and how the error's message goes on after `Message validation error: `. */
  readonly refuses?: readonly (readonly [body: unknown, problem: string])[];
}

/** What every skill owes: its examples come true on a connection, its answers keep to its schema, bad bodies are named. */
export function skillContract(skill: AnySkill, { answers = [], refuses = [] }: SkillCases = {}): void {
  describe(`the skill ${skill.type}`, () => {
    let gateway: TestGateway;
    let socket: TestSocket;
    beforeAll(async () => {
      gateway = await startTestGateway({ transport: new MemoryTransport(), config: { rateLimitMessages: 0 } });
      socket = await gateway.enter((await gateway.person()).token);
    });
    afterAll(() => gateway[Symbol.asyncDispose]());
    const ask = (message: unknown) => socket.ask({ type: skill.type, ...(message !== undefined && { message }) });

    for (const { name, request, response } of skill.examples) {
      test(`example: ${name}`, async () => {
        const { type, timestamp, id, ...body } = await ask(request);
        expect([type, body]).toEqual([skill.reply, response]);
        expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(id).toStartWith("ask-");
        expect(skill.response["~standard"].validate(body)).toEqual({ value: body });
      });
    }

    for (const [body, answer] of answers) {
      test(`answers ${JSON.stringify(body)?.slice(0, 80)}`, async () => {
        const frame = await ask(body);
        expect(frame).toMatchObject({ type: skill.reply, ...answer });
      });
    }

    for (const [body, problem] of refuses) {
      test(`refuses ${JSON.stringify(body)?.slice(0, 80)}`, async () => {
        const message = `Message validation error: ${problem}`;
        expect(await ask(body)).toMatchObject({ type: "error", code: "INVALID_MESSAGE", message });
      });
    }
  });
}
