/** The two client listings of the original document. */
export interface Listings {
  readonly javascript: string;
  readonly python: string;
}

/** Section 6.1 is the JavaScript client, 6.2 the Python client, and section 7 ends them. */
const JAVASCRIPT = /^(?:#+\s*)?6\.1\b.*JavaScript/;
const PYTHON = /^(?:#+\s*)?6\.2\b.*Python/;
const END = /^(?:#+\s*)?7\.\s/;

/**
 * Cuts the listings out of the document, as Markdown or as the text of its page.
 * @throws Error when a section is not there
 */
export function extractListings(document: string): Listings {
  const lines = document.split(/\r?\n/);
  const from = (heading: RegExp, after: number): number => {
    const at = lines.findIndex((line, index) => index > after && heading.test(line));
    if (at < 0) throw new Error(`the document has no line that begins a section like ${heading.source}`);
    return at;
  };
  const javascript = from(JAVASCRIPT, -1);
  const python = from(PYTHON, javascript);
  const end = from(END, python);
  return { javascript: code(lines.slice(javascript + 1, python)), python: code(lines.slice(python + 1, end)) };
}

/** What is between the fences, or all of it where there are none. */
function code(section: readonly string[]): string {
  const fences = section.flatMap((line, index) => (line.startsWith("```") ? [index] : []));
  const [first, last] = [fences[0], fences.at(-1)];
  const body = first !== undefined && last !== undefined && last > first ? section.slice(first + 1, last) : section;
  return `${body.join("\n").trim()}\n`;
}
