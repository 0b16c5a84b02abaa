import { dance } from "./dance.ts";
import { skillContract } from "./skill.contract.ts";

const dances = (name: string, style: string, duration: string) => ({
  data: { dance: name, style, duration, action: "start_dancing" },
  message: `开始跳舞:${name} (${style})`,
});

skillContract(dance, {
  answers: [
    [undefined, dances("", "", "30秒")],
    [null, dances("", "", "30秒")],
    [{ duration: null }, dances("", "", "30秒")],
    [{ duration: "" }, dances("", "", "")],
    [{ dance: "街舞", style: "机械" }, dances("街舞", "机械", "30秒")],
  ],
  refuses: [
    [{ duration: 30 }, "message.duration: Invalid input: expected string, received number"],
    [{ dance: {} }, "message.dance: Invalid input: expected string, received object"],
    [true, "message: Invalid input: expected object, received boolean"],
  ],
});
