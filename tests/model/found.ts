import type { Command } from "./commands.ts";

/** A story in which something was found, and is looked for again. A seed would not do: it tells another story tomorrow. */
export interface Found {
  /** What must not happen again. */
  readonly name: string;
  readonly commands: readonly Command[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Stories that failed once, as short as they could be made. */
export const FOUND: readonly Found[] = [
  {
    name: "what is large and for another device keeps nobody waiting for room",
    commands: [
      { do: "connect", who: 0 },
      { do: "read", who: 0, most: 1 },
      { do: "send", to: null, ttlMs: DAY_MS, size: 100_000 },
      { do: "send", to: null, ttlMs: DAY_MS, size: 100_000 },
      { do: "read", who: 0, most: 10 },
      { do: "send", to: 12, ttlMs: DAY_MS, size: 100_000 },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
    ],
  },
  {
    name: "an app that stays connected is not forgotten for having nothing to say",
    commands: [
      { do: "connect", who: 2 },
      { do: "pass", ms: 6_000 },
      { do: "sleep", ms: 26 * HOUR_MS },
      { do: "send", to: 12, ttlMs: DAY_MS, size: 0 },
      { do: "crash", count: 0 },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "connect", who: 2 },
      { do: "serve", who: 2, most: 10 },
    ],
  },
  {
    name: "what is accepted while a connection is being attached is sent to it",
    commands: [
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "pass", ms: 6_000 },
      { do: "hold disk" },
      { do: "connect", who: 2 },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "release disk" },
    ],
  },
  {
    name: "a device that was lent begins where the log ends when it comes back, whatever is known of it from before",
    commands: [
      { do: "connect", who: 5 },
      { do: "send", to: 13, ttlMs: DAY_MS, size: 0 },
      { do: "rebind", device: 13, to: 2 },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "rebind", device: 13, to: 1 },
      { do: "connect", who: 5 },
      { do: "serve", who: 5, most: 10 },
    ],
  },
  {
    name: "and what it failed at before is not held against it",
    commands: [
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      ...Array.from({ length: 4 }, (): readonly Command[] => [
        { do: "connect", who: 5 },
        { do: "pass", ms: 6_000 },
        { do: "cut", who: 5, end: "both" },
      ]).flat(),
      { do: "connect", who: 5 },
      { do: "pass", ms: 6_000 },
      { do: "hold disk" },
      { do: "rebind", device: 13, to: 2 },
      { do: "rebind", device: 13, to: 1 },
      { do: "release disk" },
      { do: "restart" },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "connect", who: 5 },
    ],
  },
  {
    name: "a cursor that is held for one that left stays held when another wakes up",
    commands: [
      { do: "connect", who: 2 },
      { do: "connect", who: 2 },
      { do: "pass", ms: 65_000 },
      { do: "hold disk" },
      { do: "connect", who: 0 },
      { do: "send", to: 12, ttlMs: DAY_MS, size: 0 },
      { do: "release disk" },
      { do: "pass", ms: 250 },
    ],
  },
  {
    name: "a client that is ahead of its log by one is told",
    commands: [
      { do: "copy", as: "copy" },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "connect", who: 0 },
      { do: "serve", who: 0, most: 10 },
      { do: "restore", which: 0, overtake: 0 },
      { do: "connect", who: 0 },
      { do: "serve", who: 0, most: 10 },
    ],
  },
  {
    name: "two of one device that come while the log is slow do not both stay",
    commands: [
      { do: "connect", who: 0 },
      { do: "hold disk" },
      { do: "connect", who: 0 },
      { do: "connect", who: 0 },
      { do: "release disk" },
    ],
  },
  {
    name: "an app whose connection failed as it was attached is not known when it has been forgotten on disk",
    commands: [
      { do: "connect", who: 2 },
      { do: "serve", who: 2, most: 1 },
      { do: "crash", count: 0 },
      { do: "fail writes", count: 1 },
      { do: "lie", who: 2 },
      { do: "pass", ms: 6_000 },
      { do: "sleep", ms: 26 * HOUR_MS },
    ],
  },
  {
    name: "what is known of a consumer is not forgotten while somebody waits for the log's older word of it",
    commands: [
      { do: "hold disk" },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "step disk", count: 1, how: "perform" },
      { do: "release disk" },
      { do: "connect", who: 3 },
      { do: "hold disk" },
      { do: "cut", who: 3, end: "both" },
      { do: "connect", who: 3 },
      { do: "pass", ms: 4_500 },
      { do: "hold disk" },
      { do: "step disk", count: 3, how: "perform" },
      { do: "release disk" },
    ],
  },
  {
    name: "a node that could not write down what it sent does not say that it has",
    commands: [
      { do: "fail writes", count: 1, at: 1 },
      { do: "send", to: null, ttlMs: DAY_MS, size: 0 },
      { do: "connect", who: 0, at: 1 },
      { do: "connect", who: 0, at: 0 },
    ],
  },
  {
    name: "what a node could not write before another began an epoch is not held against the consumer",
    commands: [
      { do: "copy", as: "copy" },
      { do: "connect", who: 0 },
      { do: "flood", count: 5 },
      { do: "serve", who: 0, most: 100 },
      { do: "restore", which: 0, overtake: 3 },
      { do: "fail writes", count: 1, at: 1 },
      { do: "connect", who: 1, at: 1 },
    ],
  },
  {
    name: "who is connected while another node begins an epoch does not acknowledge in vain",
    commands: [
      { do: "copy", as: "copy" },
      { do: "connect", who: 0 },
      { do: "flood", count: 5 },
      { do: "serve", who: 0, most: 100 },
      { do: "restore", which: 0, overtake: 3 },
      { do: "connect", who: 5, at: 1 },
      { do: "connect", who: 0 },
      { do: "serve", who: 5, most: 100 },
      { do: "pass", ms: 1_100 },
      { do: "connect", who: 5, at: 1 },
      { do: "serve", who: 5, most: 100 },
      { do: "pass", ms: 1_100 },
    ],
  },
  {
    name: "a cursor is held where one stood that left, also where that may be given up on since",
    commands: [
      { do: "flood", count: 5 },
      { do: "connect", who: 3 },
      { do: "connect", who: 3 },
      { do: "pass", ms: 6_000 },
      { do: "cut", who: 3, end: "both" },
      { do: "connect", who: 3 },
      { do: "pass", ms: 6_000 },
      { do: "cut", who: 3, end: "both" },
      { do: "connect", who: 3 },
      { do: "pass", ms: 6_000 },
      { do: "cut", who: 3, end: "both" },
      { do: "connect", who: 3 },
      { do: "pass", ms: 6_000 },
      { do: "cut", who: 3, end: "both" },
      { do: "connect", who: 3 },
      { do: "read", who: 3, most: 3 },
      { do: "working", who: 3 },
      { do: "carry up", who: 3, most: 2 },
      { do: "pass", ms: 6_000 },
    ],
  },
];
