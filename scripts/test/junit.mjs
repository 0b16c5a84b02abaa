/** Reads what a test file had to show from the JUnit file that `bun test` (and pytest) writes. */

/** Why a test is skipped stands in its name: `[needs strace]`, `[until the log exists]`. */
const REASON = /\[(?:needs|until) [^\]]+\]/;

/**
 * @param {string} xml
 * @returns {{ passed: number, failed: number, skipped: string[], unexplained: string[] }} the names of skipped tests,
 * and of those among them that give no reason
 */
export function readJunit(xml) {
  const result = { passed: 0, failed: 0, skipped: [], unexplained: [] };
  for (const [, attributes, inner = ""] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    if (/<(?:failure|error)\b/.test(inner)) result.failed += 1;
    else if (/<skipped\b/.test(inner)) {
      const name = nameOf(attributes);
      result.skipped.push(name);
      if (!REASON.test(name)) result.unexplained.push(name);
    } else result.passed += 1;
  }
  return result;
}

/** @param {string} attributes */
function nameOf(attributes) {
  const value = (attribute) => new RegExp(`\\b${attribute}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return decodeXml([value("classname"), value("name")].filter(Boolean).join(" > "));
}

/** @param {string} text */
function decodeXml(text) {
  const named = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => named[name]);
}
