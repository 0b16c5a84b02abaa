import { z } from "zod";
import { body, words } from "./fields.ts";
import { defineSkill } from "./skill.ts";

export const sing = defineSkill({
  type: "sing",
  reply: "sing_response",
  summary: "Ask the companion to start singing a song.",
  request: body({
    song: words("").describe("Title of the song."),
    artist: words("").describe("Who sings it."),
  }),
  response: z.object({
    data: z.object({ song: z.string(), artist: z.string(), action: z.literal("start_singing") }),
    message: z.string(),
  }),
  examples: [
    {
      name: "a song by name",
      request: { song: "青花瓷", artist: "周杰伦" },
      response: {
        data: { song: "青花瓷", artist: "周杰伦", action: "start_singing" },
        message: "开始播放:青花瓷 - 周杰伦",
      },
    },
    {
      name: "any song",
      request: {},
      response: { data: { song: "", artist: "", action: "start_singing" }, message: "开始播放: - " },
    },
  ],
}).handle(({ song, artist }) => ({
  data: { song, artist, action: "start_singing" },
  message: `开始播放:${song} - ${artist}`,
}));
