import { Limits, type ProtocolFrame, protocolFrames, RESERVED_TYPES, type Schema, SUBPROTOCOL } from "@qy-lty/protocol";
import { skills } from "@qy-lty/server/skills/index.ts";
import type { AnySkill } from "@qy-lty/server/skills/skill.ts";
import { code, heading, json, type Page, parts, table } from "./page.ts";
import { type JsonSchema, memberTable, typeOf } from "./schema.ts";

/** Stands for the moment at which an example's answer is made. */
const MOMENT = "2026-01-01T00:00:00.000Z";

export const framesPage: Page = {
  file: "frames.md",
  render: () =>
    parts(
      heading("Frames", "`server/src/skills/` and `protocol/src/frames.ts`"),
      "A frame is one JSON object in one text frame. What a client sends:",
      memberTable(CLIENT_FRAME, "request"),
      `Unknown members are ignored. A frame may be ${Limits.frameBytes / 1024} KiB long (past it the connection closes with 1009), \`LTY_MAX_MESSAGE_CHARS\` characters, and ${Limits.jsonDepth} levels deep. The answers of one connection come in the order of its frames, but for \`ping\`, which is answered at once. A frame that is not understood is answered by an [error](errors.md).`,
      "Every answer has `type`, `timestamp` (UTC ISO 8601), and the `id` of the frame it answers where that had one. The examples below leave `id` out.",
      "## Asked by a client",
      table(
        ["type", "answer", "what it asks for"],
        skills.map((skill) => [`[\`${skill.type}\`](#${skill.type})`, code(skill.reply), skill.summary]),
      ),
      ...skills.map(skillSection),
      "## Said by the server",
      ...protocolFrames.filter(({ isReliable }) => !isReliable).map(protocolFrame),
      "## Reliable delivery",
      `A client that offers the subprotocol \`${SUBPROTOCOL}\` says and hears these besides.`,
      ...protocolFrames.filter(({ isReliable }) => isReliable).map(protocolFrame),
      `Types that nobody but the server and the connection itself may say: ${[...RESERVED_TYPES].map(code).join(", ")}.`,
      "## For programs",
      "The repository has the same as JSON Schema, with every error and close code, in `protocol/contract.json`, and exchanges that every client and server must get right in `protocol/fixtures/`. The server serves it as AsyncAPI 3.0 at `/asyncapi.json`.",
    ),
};

const CLIENT_FRAME: JsonSchema = {
  properties: {
    type: { type: "string", description: "What is asked for." },
    message: { description: "What the type needs; each says it below." },
    id: { type: "string", description: "Comes back in the answer." },
    timestamp: { description: "Not looked at." },
  },
  required: ["type"],
};

function skillSection(skill: AnySkill): string {
  const request = skill.request && jsonSchema(skill.request, "input");
  const response = jsonSchema(skill.response, "output");
  return parts(
    `### ${skill.type}`,
    skill.overtakes ? `${skill.summary} Answered at once, even while an earlier frame is worked on.` : skill.summary,
    request === undefined
      ? "`message` is not looked at."
      : `\`message\`: ${typeOf(request)}. ${request.description ?? ""}`.trim(),
    request === undefined ? "" : memberTable(request, "request"),
    `The answer is \`${skill.reply}\`${response.properties && Object.keys(response.properties).length > 0 ? ":" : ", and nothing more."}`,
    memberTable(response, "answer"),
    ...skill.examples.map((example) => exampleOf(skill, example)),
    request === undefined ? "" : details("JSON Schema of `message`", json(request)),
  );
}

function exampleOf({ type, reply }: AnySkill, { name, request, response }: AnySkill["examples"][number]): string {
  const asked = { type, ...(request !== undefined && { message: request }) };
  const answered = { type: reply, ...response, timestamp: MOMENT };
  return `Example, ${name}:\n\n\`\`\`json\n${JSON.stringify(asked)}\n${JSON.stringify(answered)}\n\`\`\``;
}

const TITLES: Readonly<Record<string, string>> = {
  pushed: "Pushed messages",
  "connection_status.lty.v1": `connection_status of ${SUBPROTOCOL}`,
};
const MORE: Readonly<Record<string, string>> = {
  error: "See [the error table](errors.md).",
  pushed: "See [how to push](http.md#push).",
};

function protocolFrame({ name, from, isReliable, summary, schema, example }: ProtocolFrame): string {
  const who = isReliable ? `Said by the ${from}.` : "";
  return parts(
    `### ${TITLES[name] ?? name}`,
    [summary, MORE[name] ?? "", who].filter((text) => text !== "").join(" "),
    memberTable(jsonSchema(schema, from === "client" ? "input" : "output"), from === "client" ? "request" : "frame"),
    isReliable ? `\`\`\`json\n${JSON.stringify(example)}\n\`\`\`` : "",
  );
}

function details(summary: string, content: string): string {
  return `<details>\n<summary>${summary.replaceAll(/`([^`]*)`/g, "<code>$1</code>")}</summary>\n\n${content}\n\n</details>`;
}

/** As the skill itself prints it (Standard JSON Schema). */
function jsonSchema(schema: Schema, side: "input" | "output"): JsonSchema {
  const { $schema: _, ...rest } = schema["~standard"].jsonSchema[side]({ target: "draft-2020-12" });
  return rest;
}
