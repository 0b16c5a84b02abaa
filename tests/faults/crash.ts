/**
 * The crash ledger: a process outside the server notes every send, every answer and every arrival, while the server is
 * killed again and again in the middle of its work and the devices' connections break at random.
 *
 *     npm run test:crash [-- --short] [-- --save NAME]
 */
import { FaultServer } from "./support/fault-server.ts";
import { LedgerRun, type LedgerScale } from "./support/ledger-run.ts";
import { Report, runScript } from "./support/report.ts";

interface Scale extends LedgerScale {
  readonly kills: number;
}

const LONG: Scale = { kills: 20, devices: 200, sends: 50_000, rate: 2_500, cutEveryMs: 3_000 };
const SHORT: Scale = { kills: 5, devices: 20, sends: 2_000, rate: 1_000, cutEveryMs: 700 };
/** Every so many kills there is another one in the middle of the start that follows. */
const KILL_STARTING_EVERY = 5;
/** Before every second kill the senders do not pause, for so many sends. */
const BURST = 150;

/** Runs the ledger; the report's figures are what it found. */
export async function crash(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  const { kills, devices, sends } = scale;
  await using server = await FaultServer.start({ people: devices });
  await using run = new LedgerRun(server, scale);
  const sending = run.send();
  /** Requests that each kill left without an answer. */
  const unanswered: number[] = [];
  let whileStarting = 0;
  const stretch = sends / (kills + 1);
  for (let kill = 1; kill <= kills; kill++) {
    const bursts = kill % 2 === 0;
    const at = Math.round(stretch * (kill - 1 + 0.3 + 0.6 * Math.random()));
    await run.answered(at - (bursts ? BURST : 0));
    run.bursting = bursts;
    await run.answered(at);
    // Somewhere in the few milliseconds that follow.
    await Bun.sleep(Math.random() * 5);
    run.hold();
    run.unanswered = 0;
    await server.kill();
    run.bursting = false;
    await new Promise((resolve) => setImmediate(resolve));
    unanswered.push(run.unanswered);
    if (kill % KILL_STARTING_EVERY === 0) {
      whileStarting += 1;
      await server.killWhileStarting(Math.random() * 400);
    }
    await server.serve();
    run.release();
  }
  await sending;
  await run.complete();

  const report = new Report(
    `Crash ledger: ${kills} × kill -9, ${devices} devices, ${sends.toLocaleString("en-US")} durable sends`,
  );
  const inFlight = unanswered.filter((count) => count > 0).length;
  report.add("kills", unanswered.length, "", { equals: kills });
  // Of a few kills all may come at a quiet moment.
  report.add("kills with accepts in flight", inFlight, "", { atLeast: short ? 0 : kills / 2 });
  report.add("further kills in the middle of a start", whileStarting);
  run.addTo(report);
  return report;
}

if (import.meta.main) await runScript(crash);
