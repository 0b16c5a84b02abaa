import pino from "pino";
import pretty from "pino-pretty";

export type Logger = pino.Logger;
export type LogLevel = pino.LevelWithSilent;

/**
 * The log, on stderr: stdout belongs to what a command prints. JSON lines, or colours for a person at a terminal.
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
    colorize: true,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
  });
}
