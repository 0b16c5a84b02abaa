/** What one check found. */
export interface Finding {
  readonly check: string;
  /** `warn`: it serves, but not as well as it might. `fail`: it does not serve, or not for long. */
  readonly status: "ok" | "warn" | "fail";
  /** One line for a person; never a secret. */
  readonly detail: string;
  /** What to do about it; null where nothing is to be done. */
  readonly advice: string | null;
}

/** A check's findings, by what is said of them. */
export function findings(check: string) {
  return {
    ok: (detail: string): Finding => ({ check, status: "ok", detail, advice: null }),
    warn: (detail: string, advice: string): Finding => ({ check, status: "warn", detail, advice }),
    fail: (detail: string, advice: string): Finding => ({ check, status: "fail", detail, advice }),
  };
}
