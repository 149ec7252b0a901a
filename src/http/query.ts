/**
 * Query parameters, each with its bounds in one table.
 * @module
 */
import { cut, shown } from "../outside/shown.ts";
import { HttpProblem } from "./problem.ts";

/** What a parameter takes. */
export type Parameter =
  | { kind: "integer" | "number"; min: number; max: number }
  | { kind: "choice"; values: readonly string[] };

/**
 * Reads parameters by a table. Those left out are `undefined`.
 * @throws {HttpProblem} 400 naming the parameter, its bound and its value.
 */
export function readQuery<T extends Record<string, Parameter>>(
  queries: Record<string, string[]>,
  table: T,
): { [K in keyof T]?: T[K] extends { kind: "choice" } ? string : number } {
  const out: Record<string, string | number> = {};
  for (const [name, values] of Object.entries(queries)) {
    if (!Object.hasOwn(table, name)) {
      const allowed = Object.keys(table);
      throw new HttpProblem(
        400,
        `Unknown query parameter ${shown(name)}; there ${
          allowed.length > 0 ? `are ${allowed.join(", ")}` : "is none"
        }`,
        { allowed },
      );
    }
    if (values.length > 1) {
      throw new HttpProblem(400, `${name} must be given once, got ${values.length} times`);
    }
    out[name] = readValue(name, values[0], table[name]);
  }
  return out as ReturnType<typeof readQuery<T>>;
}

function readValue(name: string, text: string, parameter: Parameter): string | number {
  if (parameter.kind === "choice") {
    if (parameter.values.includes(text)) return text;
    throw new HttpProblem(
      400,
      `${name} must be one of ${parameter.values.join(", ")}, got ${shown(text)}`,
      { parameter: name, allowed: parameter.values, value: cut(text) },
    );
  }
  const { kind, min, max } = parameter;
  const pattern = kind === "integer" ? /^-?\d{1,16}$/ : /^-?\d+(\.\d+)?$/;
  const value = pattern.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new HttpProblem(
    400,
    `${name} must be ${kind === "integer" ? "an integer" : "a number"} in [${min}, ${max}], got ${
      shown(text)
    }`,
    { parameter: name, min, max, value: cut(text) },
  );
}
