import type { Broker } from "./broker.ts";

/** The broker of a server that is alone: nobody hears what it says, and there is nobody to follow. */
export const alone: Broker = {
  isUp: true,
  isShared: false,
  start() {},
  say() {},
  follow() {},
  unfollow() {},
  async stop() {},
};
