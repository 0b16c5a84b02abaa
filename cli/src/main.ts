import { auditCommand } from "./commands/audit.ts";
import { backupCommand } from "./commands/backup.ts";
import { benchCommand } from "./commands/bench.ts";
import { configCommands } from "./commands/config.ts";
import { deviceCommands } from "./commands/device.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { healthCommand } from "./commands/health.ts";
import { importDjangoCommand } from "./commands/import-django.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { sendCommand } from "./commands/send.ts";
import { serveCommand } from "./commands/serve.ts";
import { tokenCommands } from "./commands/token.ts";
import { userCommands } from "./commands/user.ts";
import { ExitCode, endingOf } from "./exit.ts";
import { complain } from "./output.ts";
import { createProgram } from "./program.ts";

const program = createProgram();
serveCommand(program);
migrateCommand(program);
backupCommand(program);
importDjangoCommand(program);
configCommands(program);
doctorCommand(program);
healthCommand(program);
userCommands(program);
deviceCommands(program);
tokenCommands(program);
auditCommand(program);
sendCommand(program);
benchCommand(program);

process.exit(await run(process.argv.slice(2)));

async function run(words: readonly string[]): Promise<ExitCode> {
  try {
    await program.parseAsync(words.length === 0 ? ["--help"] : words, { from: "user" });
    return ExitCode.ok;
  } catch (error) {
    const { code, line } = endingOf(error);
    if (line !== undefined) complain(line);
    return code;
  }
}
