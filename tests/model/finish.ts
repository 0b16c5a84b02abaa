import { DEVICES } from "./disk.ts";
import { demand } from "./reference.ts";
import type { World } from "./world.ts";

/** In the end everything is well: everybody connects, and gets all there is for them. */
export async function finish(world: World): Promise<void> {
  await world.step(() => world.releaseDisk());
  await world.step(() => world.start());
  await world.step(() => world.cutAll());
  for (const deviceId of DEVICES) await world.step(() => world.rebind(deviceId, 1));
  for (const [at, client] of world.clients.entries()) {
    await world.step(() => world.connect(client, at));
    for (let rounds = 0; !world.isDone(client); rounds++) {
      demand(rounds < 100, "I1", () => `${client.kind.name} never came to the end of the log`);
      await world.step(() => void client.read(1_000));
      await world.step(() => client.acknowledge(false));
      await world.step(() => void world.carryUp(client, 1_000));
      await world.step(() => world.pass(300));
      if (!client.link?.isHeld || !client.link.isServed) await world.step(() => world.connect(client, at));
    }
    await world.step(() => client.link?.cut("both"));
  }
  world.senders.checkAnswered();
}
