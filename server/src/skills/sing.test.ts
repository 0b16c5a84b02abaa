import { sing } from "./sing.ts";
import { skillContract } from "./skill.contract.ts";

const sings = (song: string, artist: string) => ({
  data: { song, artist, action: "start_singing" },
  message: `开始播放:${song} - ${artist}`,
});

skillContract(sing, {
  answers: [
    [undefined, sings("", "")],
    [null, sings("", "")],
    [{ song: null, artist: null }, sings("", "")],
    [{ song: "青花瓷" }, sings("青花瓷", "")],
    [{ artist: "周杰伦", tempo: 3 }, sings("", "周杰伦")],
  ],
  refuses: [
    ["青花瓷", "message: Invalid input: expected object, received string"],
    [{ song: 7 }, "message.song: Invalid input: expected string, received number"],
    [{ artist: ["周杰伦"] }, "message.artist: Invalid input: expected string, received array"],
    [[], "message: Invalid input: expected object, received array"],
  ],
});
