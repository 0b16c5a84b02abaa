import type { Random } from "./random.ts";

/** Frames that are as they should be: every one that a client may send, and a few that only a server may. */
const SOUND: readonly unknown[] = [
  { type: "ping" },
  { type: "ping", id: "1", timestamp: "2026-01-01T00:00:00Z" },
  { type: "chat_message", message: "你好🐱", id: "2" },
  { type: "chat_message", message: { text: "hello" } },
  { type: "weather" },
  { type: "weather", message: "上海", id: "3" },
  { type: "weather", message: { city: "北京" } },
  { type: "sing", message: { song: "青花瓷", artist: "周杰伦" }, id: "4" },
  { type: "dance", message: { dance: "华尔兹", style: "优雅", duration: "1分钟" }, id: "5" },
  { type: "ack", seq: 1 },
  { type: "ack", seq: 0, working: true },
  { type: "auth", message: { token: "lty_0", role: "app", client_id: "phone", epoch: "e", seq: 1, last: "m" } },
  { type: "command_update", message: { command_id: "c", state: "done", progress: 0.5 } },
  { type: "device_event", message: { event: "button" } },
  { type: "chat_cancel", message: { id: "2" } },
  { type: "connection_status", status: "connected" },
];

/** Values that somebody may have forgotten to think of, as JSON. */
const ODD: readonly string[] = [
  ..."null true false 0 -0 -1 1e999 -1e-999 9007199254740993 18446744073709551616 0.1 1E400 [] {} [[]] [null]".split(
    " ",
  ),
  ...[
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"\\uffff"',
    '"__proto__"',
    '"constructor"',
    '"\\r\\n{\\"level\\":60}"',
    '"\\u001b[2J"',
  ],
  ...[
    '{"__proto__":{"type":"ping"}}',
    '{"constructor":{"prototype":{"x":1}}}',
    '{"toString":1,"valueOf":2}',
    '{"length":-1}',
  ],
  ...[
    '"../../etc/passwd"',
    '"http://127.0.0.1:1/"',
    '"\' OR 1=1 --"',
    '"{{7*7}}"',
    '"%00"',
    '"\\u202e"',
    '{"then":1}',
    '{"toJSON":1}',
  ],
  `"${"x".repeat(200)}"`,
  `"${"好".repeat(3_000)}"`,
  `"${"x".repeat(11_000)}"`,
  `${"[".repeat(40)}${"]".repeat(40)}`,
  `${'{"a":'.repeat(31)}1${"}".repeat(31)}`,
  `${"[".repeat(5_000)}`,
];

const NAMES = [
  "type",
  "message",
  "id",
  "seq",
  "text",
  "city",
  "song",
  "token",
  "working",
  "timestamp",
  "__proto__",
  "",
  "好",
  "x",
];
/** Marks a place where JSON of ours goes that no value could say. */
const HOLE = "\u0001";

/** The text of a frame that differs from a sound one in up to four places, of its structure or of its letters. */
export function mutatedText(random: Random): string {
  const frame = structuredClone(random.pick(SOUND));
  const odd: string[] = [];
  for (let change = random.below(4); change > 0; change--) mutate(frame, random, odd);
  let text = JSON.stringify(frame);
  for (const value of odd) text = text.replace(JSON.stringify(HOLE), () => value);
  for (let change = random.chance(0.35) ? 1 + random.below(3) : 0; change > 0; change--) text = misspell(text, random);
  return text;
}

/** Changes one place somewhere below `value`. */
function mutate(value: unknown, random: Random, odd: string[]): void {
  if (typeof value !== "object" || value === null) return;
  const members = value as Record<string, unknown>;
  const names = Object.keys(members);
  const name = names.length === 0 || random.chance(0.15) ? random.pick(NAMES) : random.pick(names);
  const member = Object.hasOwn(members, name) ? members[name] : undefined;
  if (typeof member === "object" && member !== null && random.chance(0.6)) {
    mutate(member, random, odd);
    return;
  }
  switch (random.below(5)) {
    case 0:
      delete members[name];
      break;
    case 1:
      set(members, name, { [random.pick(NAMES)]: member });
      break;
    case 2:
      set(members, random.pick(NAMES), member ?? 1);
      break;
    case 3:
      set(members, name, typeof member === "string" ? member.repeat(random.below(5)) : [member, member]);
      break;
    default:
      set(members, name, HOLE);
      odd.push(random.pick(ODD));
  }
}

/** As a member like any other, whatever it is called. */
function set(members: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
}

const LETTERS = [...'{}[]":,\\0e-nt \n\u0000\u2028\ufeff\ud83d'];

function misspell(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const to = Math.min(text.length, at + random.below(8));
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + random.pick(LETTERS) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(at);
    default:
      return text.slice(0, at) + random.pick(LETTERS) + text.slice(at + 1);
  }
}
