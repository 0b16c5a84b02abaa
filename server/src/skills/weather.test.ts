import { skillContract } from "./skill.contract.ts";
import { weather } from "./weather.ts";

const PROBLEM = "message: expected a city of 1 to 100 characters, or an object with one";
const inCity = (name: string) => ({ data: { city: { name } } });

skillContract(weather, {
  answers: [
    [null, inCity("北京")],
    [{}, inCity("北京")],
    [{ city: null }, inCity("北京")],
    ["上海", inCity("上海")],
    ["  上海 ", inCity("上海")],
    ["x".repeat(100), inCity("x".repeat(100))],
  ],
  refuses: [
    ["", "message: must not be empty"],
    ["   ", "message: must not be empty"],
    ["x".repeat(101), "message: must be at most 100 characters"],
    [{ city: "" }, "message.city: must not be empty"],
    [{ city: 7 }, PROBLEM],
    [["上海"], PROBLEM],
  ],
});
