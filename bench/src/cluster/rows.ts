import { median, medianInterval, pairedRatios } from "../stats.ts";
import { figure, type Rows } from "../table.ts";
import type { Measures } from "./measure.ts";
import type { Kind } from "./systems.ts";

/** A system of so many processes. */
export interface Contestant {
  readonly kind: Kind;
  readonly processes: number;
}

const NAMES: Readonly<Record<Kind, string>> = {
  ours: "qy-lty, nodes",
  workers: "qy-lty, --workers",
  channels: "Django Channels",
  socketio: "Socket.IO",
};
const COLUMNS = [
  ["fanout", "deliveries/s"],
  ["pushes", "2xx/s"],
  ["busy", "of 1,000 to the busy user"],
] as const;

export function nameOf({ kind, processes }: Contestant): string {
  return `${NAMES[kind]} × ${processes}`;
}

/** Medians, and the ratios to our nodes of as many processes, paired by round, with their intervals. */
export function clusterRows(
  measured: ReadonlyMap<string, readonly Measures[]>,
  rounds: number,
): { readonly rows: Rows; readonly notes: readonly string[] } {
  const head = ["", ...COLUMNS.flatMap(([, unit]) => [unit, "ours / it", "interval"])];
  const rows = [...measured].map(([name, measures]) => {
    const ours = measured.get(nameOf({ kind: "ours", processes: Number(name.at(-1)) })) ?? [];
    const cells = COLUMNS.flatMap(([id]) => {
      const values = measures.map((measure) => measure[id]);
      const ratios = pairedRatios(
        ours.map((measure) => measure[id]),
        values,
      );
      const { low, high, median: middle } = medianInterval(ratios);
      const isOurs = measures === ours;
      return [
        figure(median(values)),
        isOurs ? "" : middle.toFixed(2),
        isOurs ? "" : `${low.toFixed(2)} to ${high.toFixed(2)}`,
      ];
    });
    return [name, ...cells];
  });
  const { coverage } = medianInterval(Array.from({ length: rounds }, (_, round) => round));
  const notes = [
    "deliveries/s: POST /api/broadcast/ at the first process to 1,000 sockets spread over all, one publish outstanding",
    "2xx/s: POST /api/messages/ over 16 connections spread over all. Ours are on PostgreSQL's disk before they are answered; the others' are kept nowhere",
    "the busy user's socket, at the last process, does not read while 1,000 frames of 4 KB are sent through the first, and then does",
    `medians of ${rounds} rounds, a fresh start of each in each; ratios paired by round, their median with an interval that holds it with ${(100 * coverage).toFixed(1)} %`,
  ];
  return { rows: [head, ...rows], notes };
}
