/** What went wrong with a database file, as the end of a line that begins with its path. */
export function describeSqliteError(error: unknown): string {
  const code = sqliteCode(error);
  if (code.startsWith("SQLITE_NOTADB")) return "is not a SQLite database";
  if (code.startsWith("SQLITE_CORRUPT")) return "is damaged; restore a backup";
  if (code.startsWith("SQLITE_CANTOPEN") || ["EACCES", "EEXIST", "ENOTDIR", "EROFS"].includes(code))
    return "cannot be opened or created";
  if (code.startsWith("SQLITE_READONLY")) return "is not writable";
  if (code.startsWith("SQLITE_BUSY")) return "is locked by another program";
  if (code === "SQLITE_IOERR_GETTEMPPATH") return "there is no folder for temporary files; set TMPDIR to one";
  if (code.startsWith("SQLITE_FULL") || code === "ENOSPC") return "the disk is full";
  return error instanceof Error ? error.message : "cannot be used";
}

/** The code of SQLite or of the file system; "" where there is none. */
export function sqliteCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
