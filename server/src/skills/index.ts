import { chat } from "./chat.ts";
import { dance } from "./dance.ts";
import { ping } from "./ping.ts";
import { sing } from "./sing.ts";
import type { Contract } from "./skill.ts";
import { weather } from "./weather.ts";

/** Everything the gateway can be asked to do. Adding a skill is adding its file and its line here. */
export const skills = [ping, chat, weather, sing, dance] as const;

/** The catalogue as types, for clients. */
export type GatewayContract = Contract<typeof skills>;
