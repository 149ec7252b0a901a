/** Wrong calls of std do not type-check, wherever it is imported. */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url).pathname;

/** What `deno check` says of a file in this repository. */
async function check(source: string): Promise<{ code: number; text: string }> {
  const path = await Deno.makeTempFile({
    dir: `${root}tests`,
    prefix: "std_types_",
    suffix: ".ts",
  });
  try {
    await Deno.writeTextFile(path, source);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--lock=deno.dev.lock", path],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    return { code, text: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(path);
  }
}

const imports = `import { assertEquals, assertThrows } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { escape } from "@std/html/entities";
import { join } from "@std/path";
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
`;

Deno.test("right calls of std type-check", async () => {
  const { code, text } = await check(`${imports}
assertEquals(encodeHex(new Uint8Array([5])), "05");
assertThrows(() => decodeBase64("?"), TypeError);
assertThrows(() => decodeHex("?"), TypeError);
console.log(parseArgs(["--x"], { boolean: ["x"] })._, encodeBase64("a"), escape("<"));
console.log(join("a", "b"), closestString("a", ["b"]), levenshteinDistance("a", "b"));
`);
  assertEquals(code, 0, text);
});

const wrong = [
  'encodeHex(5, 6, "x");',
  "encodeBase64(5);",
  "decodeBase64(new Uint8Array(1));",
  "decodeHex(new Uint8Array(1));",
  "parseArgs(5);",
  "escape(5);",
  "join(5);",
  'closestString("a", "b");',
  'levenshteinDistance("a");',
  'assertEquals(1, "1");',
  "assertThrows(5);",
];

Deno.test("wrong calls of std do not type-check, each of them", async () => {
  const { code, text } = await check(imports + wrong.join("\n"));
  assert(code !== 0);
  const lines = new Set([...text.matchAll(/:(\d+):\d+$/gm)].map(([, line]) => Number(line)));
  const first = imports.split("\n").length;
  wrong.forEach((call, i) => assert(lines.has(first + i), `${call} type-checks`));
});
