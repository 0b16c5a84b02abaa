import pino from "pino";
import pretty from "pino-pretty";

export type Logger = pino.Logger;
export type LogLevel = pino.LevelWithSilent;

/**
 * The log, on stderr: stdout belongs to what a command prints. JSON lines, or a form for a person at a terminal, in colours
 * unless `NO_COLOR` (no-color.org) is set.
 * Message bodies and credentials never go in; the redaction is the second line of defence, not the first.
 */
export function createLogger(
  level: LogLevel,
  toPerson = process.stderr.isTTY === true,
  destination: pino.DestinationStream = toPerson ? forPerson() : pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino(
    { level, redact: ["token", "ticket", "authorization", "*.token", "*.ticket", "*.authorization"] },
    destination,
  );
}

function forPerson(): pino.DestinationStream {
  return pretty({
    destination: 2,
    sync: true,
    colorize: !process.env.NO_COLOR,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
  });
}
