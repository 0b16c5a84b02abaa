import { afterEach, beforeEach, describe, expect } from "bun:test";
import { doorContract } from "./transport-door.contract.ts";
import { eventsContract } from "./transport-events.contract.ts";
import { flowContract } from "./transport-flow.contract.ts";
import { Scene, type TransportUnderTest } from "./transport-scene.ts";

/** What every transport owes the gateway: the guarantees of `transport.ts`, one by one. */
export function transportContract(tested: TransportUnderTest): void {
  describe(`${tested.name} as a transport`, () => {
    let scene: Scene;
    beforeEach(() => {
      scene = new Scene(tested);
    });
    afterEach(async () => {
      await scene.listening.stop();
      expect(scene.failures).toEqual([]);
    });
    for (const part of [eventsContract, flowContract, doorContract]) part(() => scene);
  });
}
