/** Type-checks snippets of code as a user's program, and tells what the compiler says of each. */

const root = new URL("../../", import.meta.url);

/** Where code of users stands, and how the compiler finds what it imports there. */
export interface Place {
  directory: string;
  /** Flags of `deno check`. */
  flags: readonly string[];
  /** What stands for the package's entry points. */
  imports?: Record<string, string>;
}

/** What is in scope of a snippet. */
const prelude = `
import { createClient, ServiceError } from "@dbn-edge/dbn-edge/client";
import { hc } from "hono/client";
import type { AppType } from "@dbn-edge/dbn-edge";
const client = createClient("https://digits.example");
const app = hc<AppType>("https://digits.example");
void [client, app, ServiceError];
`;

/** A complaint of the compiler. */
export interface Diagnostic {
  /** Such as `TS2322`. */
  code: string;
  message: string;
}

/** Diagnostics of each snippet, in order: one run of the compiler over a file each. */
export async function typeCheck(
  snippets: readonly string[],
  place?: Place,
): Promise<Diagnostic[][]> {
  const { directory, flags, imports = {} } = place ?? await checkout();
  const own = Object.entries(imports).reduce(
    (text, [name, path]) => text.replace(`"${name}"`, `"${path}"`),
    prelude,
  );
  const files = snippets.map((_, i) => `${directory}/snippet_${i}.ts`);
  try {
    await Promise.all(snippets.map(async (code, i) => {
      const text = `${own}async function snippet() {\n${code}\n}\nvoid snippet;\n`;
      await Deno.writeTextFile(files[i], text);
    }));
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", ...flags, ...files],
      cwd: directory,
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    return readDiagnostics(new TextDecoder().decode(stderr), snippets.length);
  } finally {
    await Promise.all(files.map((file) => Deno.remove(file)));
    if (!place) await Deno.remove(directory);
  }
}

/** This checkout, without the package. */
async function checkout(): Promise<Place> {
  return {
    directory: await Deno.makeTempDir({ prefix: "type check " }),
    flags: ["--no-lock", `--config=${root.pathname}deno.json`],
    imports: {
      "@dbn-edge/dbn-edge/client": `${root}src/client/client.ts`,
      "@dbn-edge/dbn-edge": `${root}mod.ts`,
    },
  };
}

/** Reads `TS2322 [ERROR]: message … at file:///…/snippet_3.ts:12:5`. @throws {Error} if there is more in it */
function readDiagnostics(output: string, snippets: number): Diagnostic[][] {
  const found: Diagnostic[][] = Array.from({ length: snippets }, () => []);
  const parts = output.split(/^(?=TS\d+ \[ERROR\])/m);
  for (const part of parts) {
    const [, code, message] = /^(TS\d+) \[ERROR\]: ([^]*?)(?=\n +at )/.exec(part) ?? [];
    const file = /snippet_(\d+)\.ts:\d+:\d+/.exec(part)?.[1];
    if (code && file && !message.startsWith(" ")) {
      found[Number(file)].push({ code, message: message.split("\n    ")[0] });
    } else if (/^TS\d+ \[ERROR\]: {4}/.test(part)) continue; // more of the one before
    else if (part.trim() !== "") throw new Error(`Cannot read what deno check says: ${output}`);
  }
  return found;
}
