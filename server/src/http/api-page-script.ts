/** The file with the script of `/docs`. In the single binary the file is embedded, and its build puts that in this module's place. */
export const API_PAGE_SCRIPT = new URL(import.meta.resolve("@scalar/api-reference")).pathname.replace(
  /\/dist\/.*$/,
  "/dist/browser/standalone.js",
);
