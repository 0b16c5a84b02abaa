import type { Command } from "commander";
import { post } from "../api.ts";
import { id, messageBody, messageType } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import { type OutputOptions, show } from "../output.ts";
import { addCommand } from "../program.ts";

interface SendOptions extends OutputOptions {
  readonly user?: number;
  readonly device?: number;
  readonly all?: boolean;
  readonly type: string;
  readonly message: unknown;
}

/** What the API answers to a push, as far as it is told here. */
interface PushData {
  readonly message_id: string;
  /** Null: not kept for those who are offline. */
  readonly seq: number | null;
  readonly online: boolean;
}

interface BroadcastData {
  readonly recipients: number;
}

/** `lty send` */
export function sendCommand(program: Command): void {
  addCommand(
    program,
    "send",
    "Push a message (server LTY_URL, token LTY_TOKEN)",
    `lty send --user 7 --type notice --message '{"text":"hello"}'`,
  )
    .usage("(--user <id> | --device <id> | --all) --type <type> --message <json> [options]")
    .option("--user <id>", "to this user's connections", id)
    .option("--device <id>", "to this device", id)
    .option("--all", "to every open connection")
    .requiredOption("--type <type>", "the message's type", messageType)
    .requiredOption("--message <json>", "the message's body", messageBody)
    .action(send);
}

async function send(options: SendOptions): Promise<void> {
  const { user, device, all, type, message } = options;
  const targets = [user, device, all].filter((target) => target !== undefined).length;
  if (targets !== 1) throw new UsageError("give one of --user, --device and --all: to whom?");

  if (user !== undefined) {
    const data = (await post("api/messages/", { type, message, user_id: user })) as PushData;
    return show(options, data, () => outcome(`user ${user}`, data));
  }
  if (device !== undefined) {
    const data = (await post(`api/devices/${device}/messages/`, { type, message })) as PushData;
    return show(options, data, () => outcome(`device ${device}`, data));
  }
  const data = (await post("api/broadcast/", { type, message })) as BroadcastData;
  show(options, data, () => `Sent to ${data.recipients} ${data.recipients === 1 ? "connection" : "connections"}.`);
}

function outcome(target: string, { message_id, seq, online }: PushData): string {
  if (online) return `Sent to ${target}, who is online (message ${message_id}).`;
  const fate = seq === null ? "it was not kept" : "it is kept until they connect";
  return `Nobody is online for ${target}: ${fate} (message ${message_id}).`;
}
