import { describe, expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { z } from "zod";
import { Operations } from "../observe/performance.ts";
import { defineSkill } from "../skills/skill.ts";
import { compileSkills } from "./compile.ts";

const skill = (type: string, request?: z.ZodType) =>
  defineSkill({
    type,
    reply: "done",
    summary: "Do it.",
    ...(request && { request }),
    response: z.object({}),
    examples: [{ name: "it", request: undefined, response: {} }],
  }).handle(() => ({}));

function validate(request: z.ZodType | undefined, message: unknown): unknown {
  try {
    return compileSkills([skill("x", request)], new Operations())
      .get("x")
      ?.validate(message);
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    return (error as GatewayError).message;
  }
}

describe("compileSkills", () => {
  test("two skills of one type are a mistake", () => {
    expect(() => compileSkills([skill("x"), skill("y"), skill("x")], new Operations())).toThrow(
      "two skills claim the type x",
    );
  });

  test("knows a type by its name alone", () => {
    const skills = compileSkills([skill("x")], new Operations());
    expect([...skills.keys()]).toEqual(["x"]);
    for (const name of ["X", "x ", "toString", "__proto__"]) expect(skills.get(name)).toBeUndefined();
  });

  test.each([
    ["what it is, transformed", z.string().transform((text) => text.length), "four", 4],
    ["null as nothing at all", z.string().optional(), null, undefined],
    ["nothing, where nothing is asked for", undefined, { any: "thing" }, undefined],
  ])("a body is %s", (_, request, message, input) => {
    expect(validate(request, message)).toEqual(input);
  });

  test.each([
    ["the body itself", z.object({}), "text", "Message validation error: message: "],
    [
      "a member",
      z.object({ a: z.object({ b: z.string() }) }),
      { a: { b: 1 } },
      "Message validation error: message.a.b: ",
    ],
    [
      "an element",
      z.object({ list: z.array(z.string()) }),
      { list: ["", 1] },
      "Message validation error: message.list.1: ",
    ],
  ])("a bad body names the way to %s", (_, request, message, problem) => {
    expect(validate(request, message)).toStartWith(problem);
  });

  test("a schema that takes its time is a mistake", () => {
    const request = z.string().refine(async () => true);
    expect(() =>
      compileSkills([skill("x", request)], new Operations())
        .get("x")
        ?.validate("a"),
    ).toThrow();
  });
});
