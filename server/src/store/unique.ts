import { GatewayError } from "@qy-lty/protocol";

/**
 * Runs a write and turns a violated unique constraint into `CONFLICT` on `field`.
 * SQLite says `SQLITE_CONSTRAINT_UNIQUE` (sqlite.org/rescode.html), PostgreSQL 23505 (its appendix A).
 */
export async function refuseTaken<Result>(field: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "SQLITE_CONSTRAINT_UNIQUE" || code === "23505") {
      throw new GatewayError("CONFLICT", `this ${field} is taken`, { cause: error });
    }
    throw error;
  }
}
