import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "@qy-lty/server/config/load.ts";
import { ROOT } from "../e2e/support/command.ts";
import { EmptyFolder } from "./support/program.ts";

const read = (path: string) => Bun.file(join(ROOT, path)).text();
const has = (...command: string[]) =>
  Bun.which(command[0] ?? "") !== null && Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;

/** A drain takes so long at most, seconds. */
const DRAIN_S = 14;

interface Deployment {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly enableServiceLinks: boolean;
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value?: string }[];
          readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
          readonly securityContext: { readonly readOnlyRootFilesystem: boolean };
          readonly readinessProbe: { readonly httpGet: { readonly path: string } };
          readonly livenessProbe: { readonly httpGet: { readonly path: string } };
        }[];
      };
    };
  };
}

describe("Kubernetes", () => {
  const folder = "deploy/kubernetes";

  test("the pods drain, are watched, and may do little", async () => {
    const { spec } = (Bun.YAML.parse(await read(`${folder}/deployment.yaml`)) as Deployment).spec.template;
    expect(spec.enableServiceLinks).toBe(false);
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532 });
    const [gateway] = spec.containers;
    expect(gateway?.securityContext.readOnlyRootFilesystem).toBe(true);
    expect(gateway?.readinessProbe.httpGet.path).toBe("/readyz");
    expect(gateway?.livenessProbe.httpGet.path).toBe("/healthz");
    const before = gateway?.lifecycle.preStop.sleep.seconds ?? 0;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(before + DRAIN_S);
    const secret = { LTY_DATABASE_URL: "postgres://lty@db/lty", LTY_REDIS_URL: "redis://redis" };
    const given = Object.fromEntries(
      (gateway?.env ?? []).map(({ name, value }) => [name, value ?? secret[name as keyof typeof secret]]),
    );
    expect(loadConfig(given).trustedProxies).toEqual(["10.0.0.0/8"]);
  });

  test("every manifest is in the kustomization", async () => {
    const { resources } = Bun.YAML.parse(await read(`${folder}/kustomization.yaml`)) as { resources: string[] };
    const files = readdirSync(join(ROOT, folder)).filter((file) => file !== "kustomization.yaml");
    expect(resources.toSorted()).toEqual(files.sort());
  });

  test.skipIf(!has("kubectl", "version", "--client"))("kubectl puts them together [needs kubectl]", async () => {
    const { stdout, exitCode } = Bun.spawnSync(["kubectl", "kustomize", join(ROOT, folder)]);
    expect(exitCode).toBe(0);
    const kinds = (Bun.YAML.parse(stdout.toString()) as { kind: string }[]).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(["Deployment", "PodDisruptionBudget", "Service"]);
    expect(stdout.toString()).toContain("image: registry.example.com/qy-lty:0.1.0");
  });
});

describe("systemd", () => {
  const unit = "deploy/systemd/lty.service";

  test("the unit's settings are settings, and it waits for a drain", async () => {
    const text = await read(unit);
    const given = [...text.matchAll(/^Environment=(LTY_\w+)=(.*)$/gm)].map(([, name = "", value]) => [name, value]);
    expect(loadConfig(Object.fromEntries(given)).databaseUrl).toBe("sqlite:/var/lib/lty/lty.db");
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).toBeGreaterThan(DRAIN_S);
  });

  test.skipIf(!has("systemd-analyze", "--version"))(
    "systemd reads it without a complaint [needs systemd]",
    async () => {
      using folder = new EmptyFolder();
      const copy = join(folder.path, "lty.service");
      // The program is not installed here.
      await Bun.write(copy, (await read(unit)).replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
      const verified = Bun.spawnSync(["systemd-analyze", "verify", copy]);
      expect({ code: verified.exitCode, said: verified.stderr.toString() }).toEqual({ code: 0, said: "" });
    },
  );
});

describe("compose", () => {
  interface Compose {
    readonly services: Record<
      string,
      {
        readonly environment?: Record<string, string>;
        readonly stop_grace_period?: string;
        readonly volumes?: string[];
      }
    >;
  }

  test("the gateway's settings are settings, and it has the time to drain", async () => {
    const { services } = Bun.YAML.parse(await read("compose.yaml")) as Compose;
    expect(Object.keys(services)).toEqual(["gateway", "postgres", "redis", "proxy"]);
    const given = Object.entries(services.gateway?.environment ?? {}).map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:[?-]([^}]*)\}/g, "$1"),
    ]);
    expect(loadConfig(Object.fromEntries(given))).toMatchObject({
      redisUrl: "redis://redis:6379",
      trustedProxies: ["172.30.60.0/24"],
    });
    expect(Number.parseInt(services.gateway?.stop_grace_period ?? "0", 10)).toBeGreaterThan(DRAIN_S);
    for (const volume of services.proxy?.volumes ?? []) {
      if (volume.startsWith("./")) expect(await Bun.file(join(ROOT, volume.split(":")[0] ?? "")).exists()).toBe(true);
    }
  });
});
