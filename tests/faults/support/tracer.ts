import { runChild } from "../../../bench/src/workspace.ts";

/** Stands in the name of a test that is skipped without a tracer. */
export const NEEDS_TRACER = "[needs strace, and leave to trace]";

/** Whether `strace` is here and may trace a child. */
export async function canTrace(): Promise<boolean> {
  if (Bun.which("strace") === null) return false;
  const tried = await runChild(["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], 10_000);
  return tried.exitCode === 0;
}

/** Prefix of a command whose writes and syncs are to be noted in `file`, whole and in hexadecimal. */
export function tracingWrites(file: string): string[] {
  const calls = "fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg,sendmmsg";
  return [
    "strace",
    "-f",
    "--seccomp-bpf",
    "-y",
    "-xx",
    "-s",
    "16384",
    "-e",
    `trace=${calls}`,
    "-e",
    "signal=none",
    "-o",
    file,
  ];
}

/** Prefix of a command to which every sync takes so much longer. */
export function delayingSyncs(ms: number): string[] {
  const calls = "fsync,fdatasync";
  const inject = `inject=${calls}:delay_exit=${ms * 1000}`;
  return [
    "strace",
    "-f",
    "--seccomp-bpf",
    "-e",
    `trace=${calls}`,
    "-e",
    inject,
    "-e",
    "signal=none",
    "-o",
    "/dev/null",
  ];
}
