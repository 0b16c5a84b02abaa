import { ping } from "./ping.ts";
import { skillContract } from "./skill.contract.ts";

skillContract(ping, {
  answers: [
    [null, {}],
    ["anything", {}],
    [{ nested: [1] }, {}],
  ],
});
