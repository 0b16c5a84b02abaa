import { beforeEach, describe, expect, test } from "bun:test";
import { START } from "../store/testing/log-under-test.ts";
import { ATTEMPT_AFTER_MS, MAX_ATTEMPTS, MAX_WORKING_MS, STALL_MS } from "./pump.ts";
import { range, settle, type TestConnection, WAYS, Workbench } from "./testing/workbench.ts";

const DEVICE = "device:11";

/** Lets time pass as a session does: a look at the progress every second. */
function pass(bench: Workbench, connection: TestConnection, ms: number): void {
  for (let passed = 0; passed < ms; passed += 1_000) {
    bench.clock.advance(Math.min(1_000, ms - passed));
    connection.pump.checkProgress();
  }
}

describe.each(WAYS)("acknowledgements on a log that answers %s", (_, answersLater) => {
  let bench: Workbench;
  beforeEach(() => {
    bench = new Workbench(answersLater);
  });

  test("move the cursor up to what they say, and make it last", async () => {
    await bench.take(5);
    const connection = await bench.connect(DEVICE);
    connection.pump.acknowledge(3);
    expect(await bench.saved(DEVICE)).toBe(3);
    await bench.restart();
    expect((await bench.attach(DEVICE)).consumer.acked).toBe(3);
  });

  test.each([
    ["the next after what was sent", 67],
    ["past the top", 1_000],
    ["negative", -1],
    ["zero", 0],
    ["an older one", 1],
    ["the same again", 2],
    ["no number", Number.NaN],
    ["a fraction", 3.5],
    ["infinite", Number.POSITIVE_INFINITY],
    ["as large as numbers go", Number.MAX_SAFE_INTEGER],
  ])("%s: moves nothing, and what is right still counts", async (_name, hostile) => {
    await bench.take(70);
    const connection = await bench.connect(DEVICE);
    connection.pump.acknowledge(2);
    await settle();
    const { said } = connection;
    // The window was moved by two: 66 have been sent.
    expect(said.length).toBe(66);
    connection.pump.acknowledge(hostile);
    await settle();
    expect(said.length).toBe(66);
    expect(await bench.saved(DEVICE)).toBe(2);
    connection.pump.acknowledge(3);
    await settle();
    expect(said.length).toBe(67);
    expect(await bench.saved(DEVICE)).toBe(3);
  });

  test("of what was not sent on this connection move nothing, though it was sent on another", async () => {
    await bench.take(3);
    const first = await bench.connect(DEVICE);
    expect(first.said.length).toBe(3);
    first.pump.close();
    const second = bench.pumpTo((await bench.attach(DEVICE)).consumer);
    second.congested = true;
    second.pump.acknowledge(3);
    expect(await bench.saved(DEVICE)).toBe(0);
    expect([second.pump.hasSent(0), second.pump.hasSent(1)]).toEqual([true, false]);
  });

  test(`none for ${STALL_MS / 1_000} s ends the connection; each restarts the time`, async () => {
    await bench.take(2);
    const connection = await bench.connect(DEVICE);
    pass(bench, connection, STALL_MS - 1);
    connection.pump.acknowledge(1);
    pass(bench, connection, STALL_MS - 1);
    expect(connection.stalls).toBe(0);
    pass(bench, connection, 1);
    expect(connection.stalls).toBe(1);
  });

  test("are not waited for where nothing is under way, and the time starts with what is sent", async () => {
    const connection = await bench.connect(DEVICE);
    pass(bench, connection, 10 * STALL_MS);
    await bench.take(1);
    connection.pump.offer(bench.at(1));
    await settle();
    pass(bench, connection, STALL_MS - 1);
    connection.pump.acknowledge(1);
    pass(bench, connection, 10 * STALL_MS);
    expect(connection.stalls).toBe(0);
  });

  test("that are no progress do not restart the time", async () => {
    await bench.take(2);
    const connection = await bench.connect(DEVICE);
    connection.pump.acknowledge(1);
    for (let s = 0; s < STALL_MS / 1_000; s++) {
      connection.pump.acknowledge(1);
      connection.pump.acknowledge(99);
      pass(bench, connection, 1_000);
    }
    expect(connection.stalls).toBe(1);
  });
});

describe("a handler that says it is working", () => {
  test(`has another ${STALL_MS / 1_000} s each time, for at most ${MAX_WORKING_MS / 60_000} min`, async () => {
    const bench = new Workbench();
    await bench.take(2);
    const connection = await bench.connect(DEVICE);
    for (let passed = 0; passed < MAX_WORKING_MS; passed += 20_000) {
      connection.pump.acknowledge(0, true);
      pass(bench, connection, 20_000);
    }
    expect(connection.stalls).toBe(0);
    connection.pump.acknowledge(0, true);
    pass(bench, connection, 9_000);
    expect(connection.stalls).toBe(0);
    // The last word that counted came 20 s before the ten minutes were over.
    connection.pump.acknowledge(0, true);
    pass(bench, connection, 1_000);
    expect(connection.stalls).toBe(1);
  });

  test("has the time for each message anew", async () => {
    const bench = new Workbench();
    await bench.take(3);
    const connection = await bench.connect(DEVICE);
    for (let seq = 1; seq <= 3; seq++) {
      for (let passed = 0; passed < MAX_WORKING_MS - 20_000; passed += 20_000) {
        connection.pump.acknowledge(seq - 1, true);
        pass(bench, connection, 20_000);
      }
      connection.pump.acknowledge(seq);
    }
    expect(connection.stalls).toBe(0);
    expect(await bench.saved(DEVICE)).toBe(3);
  });

  test("acknowledges what it has handled in the same breath", async () => {
    const bench = new Workbench();
    await bench.take(2);
    const connection = await bench.connect(DEVICE);
    connection.pump.acknowledge(1, true);
    expect(await bench.saved(DEVICE)).toBe(1);
    pass(bench, connection, 29_000);
    expect(connection.stalls).toBe(0);
  });

  test("loses no attempt by it when its connection ends; one that has stopped saying so does", async () => {
    const bench = new Workbench();
    await bench.take(1);
    const attemptsAfter = async (work: (connection: TestConnection) => void) => {
      const connection = await bench.connect(DEVICE);
      work(connection);
      connection.pump.close();
      await bench.consumers.flush();
      return bench.memory.cursor({ userId: 1, consumer: DEVICE })?.attempts;
    };
    const tired = await attemptsAfter((connection) => {
      connection.pump.acknowledge(0, true);
      pass(bench, connection, 20_000);
    });
    expect(tired).toBe(0);
    const exhausted = await attemptsAfter((connection) => {
      for (let passed = 0; passed <= MAX_WORKING_MS; passed += 20_000) {
        connection.pump.acknowledge(0, true);
        pass(bench, connection, 20_000);
      }
      pass(bench, connection, STALL_MS);
    });
    expect(exhausted).toBe(1);
  });
});

describe("a message that is never handled", () => {
  /** Connects, waits, and is cut off without having handled anything. */
  async function failOnce(bench: Workbench, ms = ATTEMPT_AFTER_MS): Promise<string[]> {
    const { pump, said } = await bench.connect(DEVICE);
    bench.clock.advance(ms);
    pump.close();
    return said;
  }

  test(`is set aside after ${MAX_ATTEMPTS} attempts, and what is behind it goes on`, async () => {
    const bench = new Workbench();
    await bench.take(2);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      expect((await failOnce(bench))[0]).toBe(attempt === 0 ? "1" : "1 again");
    }
    expect(bench.setAside).toEqual([]);
    const { said, pump } = await bench.connect(DEVICE);
    expect(said).toEqual(["skip 1 dead", "2 again"]);
    expect(bench.setAside).toEqual(["device:11 1"]);
    pump.acknowledge(2);
    expect(await bench.saved(DEVICE)).toBe(2);
  });

  test("attempts are counted over restarts", async () => {
    const bench = new Workbench();
    await bench.take(1);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      await failOnce(bench);
      await bench.restart();
    }
    expect((await bench.connect(DEVICE)).said).toEqual(["skip 1 dead"]);
  });

  test("connections that end before 5 s are no attempts", async () => {
    const bench = new Workbench();
    await bench.take(1);
    for (let cuts = 0; cuts < 3 * MAX_ATTEMPTS; cuts++) await failOnce(bench, ATTEMPT_AFTER_MS - 1);
    expect((await bench.connect(DEVICE)).said).toEqual(["1 again"]);
  });

  test("the time counts from when it was sent, not from the connect", async () => {
    const bench = new Workbench();
    for (let cuts = 0; cuts <= MAX_ATTEMPTS; cuts++) {
      const { pump, said } = await bench.connect(DEVICE);
      bench.clock.advance(60_000);
      if (cuts === 0) {
        await bench.take(1);
        pump.offer(bench.at(1));
        await settle();
        bench.clock.advance(ATTEMPT_AFTER_MS - 1);
      }
      pump.close();
      expect(said).toEqual(cuts === 0 ? ["1"] : ["1 again"]);
    }
    expect((await bench.connect(DEVICE)).said).toEqual(["skip 1 dead"]);
  });

  test("only the first that is unacknowledged is blamed, and an acknowledgement clears it", async () => {
    const bench = new Workbench();
    await bench.take(3);
    for (let attempt = 0; attempt < MAX_ATTEMPTS - 1; attempt++) await failOnce(bench);
    const connection = await bench.connect(DEVICE);
    connection.pump.acknowledge(1);
    connection.pump.close();
    for (let attempt = 0; attempt < MAX_ATTEMPTS - 1; attempt++) await failOnce(bench);
    expect((await bench.connect(DEVICE)).said).toEqual(["2 again", "3 again"]);
  });

  test("one that expires while it is blamed leaves the next with a clean sheet", async () => {
    const bench = new Workbench();
    await bench.take(1, { expiresAt: START + 60_000 });
    await bench.take(1);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) await failOnce(bench);
    bench.clock.advance(60_000);
    const { said } = await bench.connect(DEVICE);
    expect(said).toEqual(["skip 1 expired", "2 again"]);
  });

  test("a connection that had nothing under way is no attempt", async () => {
    const bench = new Workbench();
    await bench.take(1, { deviceId: 12 });
    for (let cuts = 0; cuts <= MAX_ATTEMPTS; cuts++) await failOnce(bench);
    await bench.take(1);
    expect((await bench.connect(DEVICE)).said).toEqual(["2"]);
  });
});

describe("connections that share a consumer", () => {
  const USER = "user:1";

  test("move its cursor to the least of what they acknowledged", async () => {
    const bench = new Workbench();
    await bench.take(5);
    const [a, b] = [await bench.connect(USER), await bench.connect(USER)];
    a.pump.acknowledge(4);
    expect(await bench.saved(USER)).toBe(0);
    b.pump.acknowledge(2);
    expect(await bench.saved(USER)).toBe(2);
    b.pump.acknowledge(5);
    expect(await bench.saved(USER)).toBe(4);
    expect([a.said, b.said.map((said) => said.replace(" again", ""))]).toEqual([range(1, 5), range(1, 5)]);
  });

  test("leave it where the one stood that left, whatever the others acknowledge, until one comes and starts there", async () => {
    const bench = new Workbench();
    await bench.take(5);
    const [a, b] = [await bench.connect(USER), await bench.connect(USER)];
    a.pump.acknowledge(1);
    b.pump.acknowledge(3);
    a.pump.close();
    b.pump.acknowledge(5);
    expect(await bench.saved(USER)).toBe(1);
    const c = await bench.connect(USER);
    expect(c.said).toEqual(["2 again", "3 again", "4 again", "5 again"]);
    c.pump.acknowledge(5);
    expect(await bench.saved(USER)).toBe(5);
  });

  test("stay where the furthest behind stood when all have left, in whatever order", async () => {
    const bench = new Workbench();
    await bench.take(5);
    const [a, b] = [await bench.connect(USER), await bench.connect(USER)];
    a.pump.acknowledge(2);
    b.pump.acknowledge(4);
    b.pump.close();
    a.pump.close();
    expect(await bench.saved(USER)).toBe(2);
    expect((await bench.connect(USER)).said[0]).toBe("3 again");
  });

  test("blame the message only of the one that is furthest behind", async () => {
    const bench = new Workbench();
    await bench.take(2);
    const [a, b] = [await bench.connect(USER), await bench.connect(USER)];
    a.pump.acknowledge(1);
    bench.clock.advance(ATTEMPT_AFTER_MS);
    a.pump.close();
    expect(b.pump.consumer.attempts).toBe(0);
    b.pump.close();
    expect(b.pump.consumer.attempts).toBe(1);
  });
});
