import { z } from "zod";
import { EMPTY_BODY } from "../dispatch/encode.ts";
import { defineSkill } from "./skill.ts";

export const ping = defineSkill({
  type: "ping",
  reply: "pong",
  summary: "Ask whether the gateway is there.",
  overtakes: true,
  response: z.object({}),
  examples: [{ name: "a heartbeat", request: undefined, response: {} }],
}).handle(() => EMPTY_BODY);
