import type { Command } from "commander";
import { Failure } from "../exit.ts";
import { type OutputOptions, show, table } from "../output.ts";
import { addCommand } from "../program.ts";
import type { Finding } from "./doctor/finding.ts";

/** `lty doctor` */
export function doctorCommand(program: Command): void {
  addCommand(
    program,
    "doctor",
    "Check what the gateway needs here, and say what to do about it",
    "LTY_PORT=9000 lty doctor",
  ).action(doctor);
}

/** @throws Failure when anything it looked at has failed */
async function doctor(options: OutputOptions): Promise<void> {
  // Loaded here, so that the other commands start without it.
  const { examine } = await import("./doctor/examine.ts");
  const findings = await examine();
  const failed = findings.filter(({ status }) => status === "fail").length;
  show(options, { ok: failed === 0, checks: findings }, () =>
    table(
      ["CHECK", "STATUS", "FOUND"],
      findings.map((finding) => [finding.check, finding.status, found(finding)]),
    ),
  );
  if (failed > 0) throw new Failure(`${failed} of ${findings.length} checks failed`);
}

function found({ detail, advice }: Finding): string {
  return advice === null ? detail : `${detail}; ${advice}`;
}
