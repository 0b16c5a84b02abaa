import { brokerContract } from "./broker.contract.ts";
import { MemoryHub } from "./memory.ts";

brokerContract("MemoryBroker", async () => {
  const hub = new MemoryHub();
  return { join: () => hub.join(), [Symbol.asyncDispose]: async () => {} };
});
