import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type FlagTable, parseFlags } from "../../src/cli/flags.ts";
import { flagWords, shellCommand, taskCommand } from "../../src/cli/shell.ts";

const table: FlagTable = {
  name: { kind: "string", help: "" },
  out: { kind: "string", help: "" },
  sizes: { kind: "integers", help: "" },
  rate: { kind: "number", help: "" },
  quiet: { kind: "boolean", help: "" },
  key: { kind: "path", help: "", isRepeatable: true },
};

/** The words that bash makes of lines, a list a line. */
async function wordsInBash(lines: readonly string[]): Promise<string[][]> {
  const script = lines.map((line) => `printf '%s\\0' ${line}; printf '\\0'`).join("\n");
  const { stdout, code } = await new Deno.Command("bash", { args: ["-c", script] }).output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout).split("\0\0").slice(0, -1).map((x) => x.split("\0"));
}

Deno.test("bash reads a printed command's words as they were", async () => {
  const hard = ["a b", "it's", "$HOME", '"x"', "`id`", "a;b&c|d", "*", "~", "!!", "\\", "é\n", "#"];
  const word = fc.oneof(fc.constantFrom(...hard), fc.string({ minLength: 1 }))
    .filter((text) => !text.includes("\0"));
  const lists = fc.sample(fc.array(word, { minLength: 1, maxLength: 5 }), {
    seed: 1,
    numRuns: 200,
  });
  assertEquals(await wordsInBash(lists.map(shellCommand)), lists);
});

Deno.test("words of flags parse to the same flags", () => {
  const text = fc.string();
  const values = fc.record({
    name: text,
    out: text,
    sizes: fc.array(fc.integer(), { minLength: 1 }),
    rate: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0), // no -0
    quiet: fc.constant(true),
    key: fc.array(text.filter((path) => path.trim() !== ""), { minLength: 1 }),
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(values, (given) => {
      const { help: _, ...parsed } = parseFlags(flagWords(given, table), table);
      assertEquals(parsed, { quiet: false, ...given });
    }),
    { seed: 1 },
  );
});

Deno.test("a task's line runs Deno as the user did, by npx or by itself", () => {
  const before = Deno.env.get("npm_lifecycle_event");
  try {
    Deno.env.delete("npm_lifecycle_event");
    assertEquals(taskCommand("dbn", ["evaluate", "a b"]), "deno task dbn evaluate 'a b'");
    Deno.env.set("npm_lifecycle_event", "npx");
    assertEquals(taskCommand("start"), `npx -y deno@${Deno.version.deno} task start`);
  } finally {
    if (before === undefined) Deno.env.delete("npm_lifecycle_event");
    else Deno.env.set("npm_lifecycle_event", before);
  }
});
