/**
 * What every platform imports uses nothing that some platform lacks: no module of Node's that a bundler would
 * have to find, no Deno but in the files that are Deno's alone, and nothing newer than Node 20.
 * @module
 */
import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";

const root = new URL("../../", import.meta.url).pathname;

/** Files that run in Deno alone, or ask first whether this is Deno. */
const ofDeno = [
  ...["src/outside/platform.ts", "src/outside/files.ts", "src/outside/regular_file.ts"],
  ...["src/repository/directory/", "src/repository/objects/open_kv.ts"],
  ...["src/repository/objects/kv_store.ts", "src/cli/shell.ts"],
];

/** What Node 20 has not, or a browser of the last years; esbuild writes `using` anew. */
const newer: Record<string, RegExp> = {
  "Array.fromAsync": /\bArray\.fromAsync\b/,
  "Map.groupBy": /\b(?:Map|Object)\.groupBy\b/,
  "Promise.withResolvers": /\bPromise\.(?:withResolvers|try)\b/,
  "URL.parse": /\bURL\.parse\b/,
  "set methods": /\.(?:union|difference|intersection|symmetricDifference|isSubsetOf)\(/,
  "iterator helpers":
    /\.(?:values|keys|entries)\(\)\.(?:map|filter|take|drop|some|every|toArray)\(/,
  "Float16Array": /\bFloat16Array\b|\.[gs]etFloat16\(|\bMath\.f16round\b/,
  "import.meta.dirname": /import\.meta\.(?:dirname|filename)/,
  "ArrayBuffer.transfer": /\.transfer\(/,
  "Error.isError": /\bError\.isError\b|\bRegExp\.escape\b|\bMath\.sumPrecise\b/,
};

/** The code of a file, without comments. */
async function codeOf(file: string): Promise<string> {
  const text = await Deno.readTextFile(join(root, file));
  return text.replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(?<!:)\/\/.*/g, "");
}

/** All files that a file imports at any time, itself first; types left out. */
async function reachedFrom(entries: readonly string[]): Promise<Map<string, string>> {
  const reached = new Map<string, string>(), waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    const code = await codeOf(file);
    reached.set(file, code);
    const runtime = code.replace(/^(?:import|export) type [^;]*;/gm, "");
    for (const [, path] of runtime.matchAll(/(?:from|import|import\()\s*"(\.[^"]+\.ts)"/g)) {
      waiting.push(join(dirname(file), path));
    }
    for (const [, path] of runtime.matchAll(/new URL\("(\.[^"]+\.ts)"/g)) {
      waiting.push(join(dirname(file), path));
    }
  }
  return reached;
}

const files = await reachedFrom(["mod.ts", "src/client/client.ts"]);

Deno.test("the scan reaches what the library loads later, and its workers", () => {
  const some = [
    ...["src/engine/simd/simd.ts", "src/kernels/runtime/worker.ts", "src/image/grid.ts"],
    ...["src/repository/model_bytes.ts", "src/http/repository/routes.ts"],
  ];
  assertEquals(some.filter((file) => !files.has(file)), []);
});

Deno.test("no module of Node's is spelt where a bundler would look for it", () => {
  for (const [file, code] of files) {
    const imports = code.replace(/typeof import\("node:[^"]+"\)/g, "");
    assertEquals(/(?:from|import\()\s*"node:[^"]+"/.exec(imports)?.[0], undefined, file);
  }
});

Deno.test("Deno is asked for in the files alone that are Deno's", () => {
  for (const [file, code] of files) {
    if (ofDeno.some((own) => file.startsWith(own))) continue;
    assertEquals(/\bDeno\.\w+/.exec(code)?.[0], undefined, file);
  }
});

Deno.test("nothing is used that Node 20 lacks", () => {
  for (const [file, code] of files) {
    if (ofDeno.some((own) => file.startsWith(own))) continue;
    for (const [name, pattern] of Object.entries(newer)) {
      assertEquals(pattern.exec(code)?.[0], undefined, `${file} uses ${name}`);
    }
  }
});

Deno.test("each of them is found where it is used", () => {
  const uses: Record<keyof typeof newer, string> = {
    "Array.fromAsync": "await Array.fromAsync(list)",
    "Map.groupBy": "Map.groupBy(all, of)",
    "Promise.withResolvers": "Promise.withResolvers<void>()",
    "URL.parse": "URL.parse(text)",
    "set methods": "seen.union(other)",
    "iterator helpers": "map.values().map(one)",
    "Float16Array": "new Float16Array(4)",
    "import.meta.dirname": "import.meta.dirname",
    "ArrayBuffer.transfer": "buffer.transfer(0)",
    "Error.isError": "Error.isError(x)",
  };
  for (const [name, pattern] of Object.entries(newer)) {
    assertEquals(pattern.test(uses[name]), true, name);
  }
});
