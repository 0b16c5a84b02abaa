/** Nothing: in PostgreSQL rows lie in the order they come as it is. */
export async function up(): Promise<void> {}
