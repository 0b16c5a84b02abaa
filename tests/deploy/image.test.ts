import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../e2e/support/command.ts";
import { buildInFolder, environmentOf, type Instruction, readDockerfile } from "./support/dockerfile.ts";
import { EmptyFolder, GOOD_ROUND_TRIP, roundTrip, Shipped } from "./support/program.ts";

const stages = await readDockerfile();
const image: readonly Instruction[] = stages.at(-1) ?? [];
const one = (name: string) => image.find((instruction) => instruction.name === name)?.rest ?? "";

describe("the image", () => {
  test("has a user who is not root, a health check, and a signal that drains", () => {
    expect(stages).toHaveLength(2);
    expect(one("USER")).toMatch(/^[1-9]\d+:[1-9]\d+$/);
    expect(one("HEALTHCHECK")).toEndWith('CMD ["/usr/local/bin/lty", "health"]');
    expect(one("STOPSIGNAL")).toBe("SIGTERM");
    expect(one("FROM")).toEndWith(":nonroot");
    expect(JSON.parse(one("ENTRYPOINT"))).toEqual(["/usr/local/bin/lty"]);
  });

  test("is built in a plain folder, and what it would hold does its work", async () => {
    using folder = new EmptyFolder();
    await buildInFolder(stages, folder.path);
    const root = join(folder.path, "image");
    const env = environmentOf(image);
    expect(env).toEqual({ LTY_HOST: "0.0.0.0", LTY_DATABASE_URL: "sqlite:/data/lty.db" });
    await using program = new Shipped(join(root, "usr/local/bin/lty"), join(root, "data"), {
      LTY_DATABASE_URL: `sqlite:${join(root, "data/lty.db")}`,
    });
    expect(await roundTrip(program)).toEqual(GOOD_ROUND_TRIP);
  }, 570_000);

  const hasDocker = Bun.spawnSync(["sh", "-c", "docker info"], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  test.skipIf(!hasDocker)(
    "starts in a container, read-only, and is healthy [needs a Docker daemon]",
    async () => {
      const docker = async (...words: string[]) => {
        const child = Bun.spawn(["docker", ...words], { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
        const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
        if ((await child.exited) !== 0) throw new Error(stderr);
        return stdout.trim();
      };
      await docker("build", "--tag", "qy-lty-test", ".");
      const id = await docker("run", "--detach", "--read-only", "--tmpfs", "/tmp", "--volume", "/data", "qy-lty-test");
      try {
        expect(await docker("exec", id, "/usr/local/bin/lty", "user", "list")).toBe("There are no users yet.");
        let health = "starting";
        while (health === "starting") {
          await Bun.sleep(500);
          health = await docker("inspect", "--format", "{{.State.Health.Status}}", id);
        }
        expect(health).toBe("healthy");
        await docker("stop", id);
        expect(await docker("inspect", "--format", "{{.State.ExitCode}}", id)).toBe("0");
      } finally {
        await docker("rm", "--force", "--volumes", id);
      }
    },
    230_000,
  );
});
