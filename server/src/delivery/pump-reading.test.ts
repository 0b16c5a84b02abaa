import { beforeEach, describe, expect, test } from "bun:test";
import { range, settle, WAYS, Workbench } from "./testing/workbench.ts";
import { MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES } from "./window.ts";

const DEVICE = "device:11";
const LARGE = 60_000;
const FIT = Math.floor(MAX_IN_FLIGHT_BYTES / LARGE);

describe.each(WAYS)("what a pump reads of large messages on a log that answers %s", (_, answersLater) => {
  let bench: Workbench;
  let rows: number;
  beforeEach(() => {
    bench = new Workbench(answersLater);
    rows = 0;
    const read = bench.memory.read.bind(bench.memory);
    bench.memory.read = (...args) => {
      const found = read(...args);
      rows += found.length;
      return found;
    };
  });

  test("is little more than it sends", async () => {
    await bench.take(200, { bytes: LARGE });
    const connection = await bench.connect(DEVICE);
    for (let seq = 1; seq <= 200; seq++) {
      connection.pump.acknowledge(seq);
      await settle();
    }
    expect(connection.said).toEqual(range(1, 200));
    expect(rows).toBeLessThan(MAX_IN_FLIGHT + 3 * 200);
  });

  test("is nothing while the next one waits for room, however often it is told that there is more", async () => {
    await bench.take(100, { bytes: LARGE });
    const connection = await bench.connect(DEVICE);
    expect(connection.said).toEqual(range(1, FIT));
    rows = 0;
    for (let times = 0; times < 10; times++) {
      connection.pump.fill();
      connection.pump.offer({ ...bench.at(100), seq: 101 });
      await settle();
    }
    // The test itself reads one each time.
    expect(rows).toBe(10);
    connection.pump.acknowledge(1);
    await settle();
    expect(connection.said).toEqual(range(1, FIT + 1));
  });

  test("small ones behind large ones fill the window again", async () => {
    await bench.take(FIT, { bytes: LARGE });
    await bench.take(100, { bytes: 100 });
    const connection = await bench.connect(DEVICE);
    expect(connection.said.length).toBe(MAX_IN_FLIGHT);
    connection.pump.acknowledge(FIT);
    await settle();
    expect(connection.said).toEqual(range(1, MAX_IN_FLIGHT + FIT));
  });
});
