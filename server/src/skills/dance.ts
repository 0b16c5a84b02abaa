import { z } from "zod";
import { body, words } from "./fields.ts";
import { defineSkill } from "./skill.ts";

export const dance = defineSkill({
  type: "dance",
  reply: "dance_response",
  summary: "Ask the companion to start dancing.",
  request: body({
    dance: words("").describe("Name of the dance."),
    style: words("").describe("How to dance it."),
    duration: words("30秒").describe("For how long, in words."),
  }),
  response: z.object({
    data: z.object({
      dance: z.string(),
      style: z.string(),
      duration: z.string(),
      action: z.literal("start_dancing"),
    }),
    message: z.string(),
  }),
  examples: [
    {
      name: "a dance with a style",
      request: { dance: "华尔兹", style: "优雅", duration: "1分钟" },
      response: {
        data: { dance: "华尔兹", style: "优雅", duration: "1分钟", action: "start_dancing" },
        message: "开始跳舞:华尔兹 (优雅)",
      },
    },
    {
      name: "any dance",
      request: {},
      response: {
        data: { dance: "", style: "", duration: "30秒", action: "start_dancing" },
        message: "开始跳舞: ()",
      },
    },
  ],
}).handle(({ dance, style, duration }) => ({
  data: { dance, style, duration, action: "start_dancing" },
  message: `开始跳舞:${dance} (${style})`,
}));
