import { z } from "zod";
import { defineSkill } from "./skill.ts";

const text = z.string().min(1, "must not be empty");

export const chat = defineSkill({
  type: "chat_message",
  reply: "chat_response",
  summary: "Say something to the companion.",
  needs: ["chat"],
  failure: "Chat service is unavailable",
  request: z
    .union([text, z.object({ text })], "expected a text that is not empty, or an object with one")
    .describe("What is said: a text, or an object with one."),
  response: z.object({ message: z.string().describe("What the companion answers.") }),
  examples: [
    { name: "a text", request: "你好", response: { message: "收到消息:你好" } },
    { name: "an object", request: { text: "你好" }, response: { message: "收到消息:你好" } },
  ],
}).handle((request, { chat, signal }) => {
  const answer = chat.reply(typeof request === "string" ? request : request.text, signal);
  return typeof answer === "string" ? { message: answer } : answer.then((message) => ({ message }));
});
