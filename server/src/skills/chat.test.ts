import { chat } from "./chat.ts";
import { skillContract } from "./skill.contract.ts";

const PROBLEM = "message: expected a text that is not empty, or an object with one";

skillContract(chat, {
  answers: [
    [" ", { message: "收到消息: " }],
    ['"quoted" \\ 𠮷 \u0000', { message: '收到消息:"quoted" \\ 𠮷 \u0000' }],
    [{ text: "你好", stream: true }, { message: "收到消息:你好" }],
  ],
  refuses: [
    [undefined, PROBLEM],
    [null, PROBLEM],
    ["", "message: must not be empty"],
    [{}, PROBLEM],
    [{ text: "" }, "message.text: must not be empty"],
    [{ text: null }, PROBLEM],
    [7, PROBLEM],
    [["你好"], PROBLEM],
  ],
});
