/** The part of JSON Schema that our frames use. */
interface Shape {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly description?: string;
}

const PLAIN: Readonly<Record<string, string>> = {
  string: "str",
  integer: "int",
  number: "float",
  boolean: "bool",
  null: "None",
};

/** `chat_response` as `ChatResponse`, `connection_status.lty.v1` as `ConnectionStatusLtyV1`. */
export function pascal(name: string): string {
  return name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, first: string) => first.toUpperCase());
}

/** JSON Schemas of objects, written as Python's `TypedDict`s; those inside others get names of their own. */
export class PythonTypes {
  readonly #definitions: string[] = [];

  /** Defines `name`, and before it what it is made of. */
  define(name: string, schema: object, summary: string): string {
    const { properties = {}, required = [] } = schema as Shape;
    const members = Object.entries(properties).map(([member, shape]) => ({
      member,
      description: shape.description,
      type: this.#typeOf(shape, `${name}${pascal(member)}`),
      isRequired: required.includes(member),
    }));
    const needsQuotes = members.some(({ member }) => !/^[A-Za-z_]\w*$/.test(member) || KEYWORDS.has(member));
    this.#definitions.push(needsQuotes ? functional(name, members, summary) : classic(name, members, summary));
    return name;
  }

  definitions(): readonly string[] {
    return this.#definitions;
  }

  #typeOf(shape: Shape, name: string): string {
    if (shape.const !== undefined) return literal([shape.const]);
    if (shape.enum !== undefined) return literal(shape.enum);
    if (shape.anyOf !== undefined) return union(shape.anyOf.map((one) => this.#typeOf(one, name)));
    if (typeof shape.type === "object") return union(shape.type.map((type) => this.#typeOf({ ...shape, type }, name)));
    if (shape.type === "array") return `list[${this.#typeOf(shape.items ?? {}, name)}]`;
    if (shape.type === "object") {
      return shape.properties === undefined ? "dict[str, Any]" : this.define(name, shape, shape.description ?? "");
    }
    return PLAIN[shape.type ?? ""] ?? "Any";
  }
}

interface Member {
  readonly member: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly description: string | undefined;
}

/** Names that Python keeps for itself, as far as frames use them. */
const KEYWORDS = new Set(["from", "class", "import", "pass", "global", "in", "is"]);

const declared = ({ type, isRequired }: Member) => (isRequired ? type : `NotRequired[${type}]`);

function classic(name: string, members: readonly Member[], summary: string): string {
  const lines = members.flatMap((one) => [
    `    ${one.member}: ${declared(one)}`,
    ...(one.description === undefined ? [] : [`    """${one.description}"""`]),
  ]);
  const docs = summary === "" ? [] : [`    """${summary}"""`, ""];
  return [`class ${name}(TypedDict):`, ...docs, ...lines, ""].join("\n");
}

/** For members whose name cannot be an attribute's. */
function functional(name: string, members: readonly Member[], summary: string): string {
  const lines = members.map((one) => `    ${JSON.stringify(one.member)}: ${declared(one)},`);
  const docs = summary === "" ? [] : [`"""${summary}"""`];
  return [`${name} = TypedDict("${name}", {`, ...lines, "})", ...docs, ""].join("\n");
}

function literal(values: readonly unknown[]): string {
  const written = values.map((value) =>
    typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value),
  );
  return `Literal[${written.join(", ")}]`;
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}
