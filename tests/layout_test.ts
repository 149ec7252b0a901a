/**
 * The shape of the code base, checked: imports point one way and never in a circle, types included, and
 * only the edges touch files, environment, clock or console.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";

const root = new URL("../", import.meta.url).pathname;

/**
 * Every room and the rooms that it may import from, besides itself. A file belongs to the room with the
 * longest matching path. A new folder needs a row here and in docs/architecture.md.
 */
const rooms: Record<string, readonly string[]> = {
  "src/std/": [],
  "src/outside/": [],
  "src/packages/": [],
  "src/math/": [],
  "src/kernels/assembly/simd/": [],
  "src/kernels/assembly/serving/": ["src/kernels/assembly/simd/"],
  "src/kernels/assembly/rbm/": ["src/kernels/assembly/simd/"],
  "src/kernels/assembly/network/": ["src/kernels/assembly/simd/"],
  "src/kernels/assembly/serving.ts": [
    "src/kernels/assembly/simd/",
    "src/kernels/assembly/serving/",
  ],
  "src/kernels/assembly/training.ts": [
    ...["src/kernels/assembly/serving.ts", "src/kernels/assembly/rbm/"],
    "src/kernels/assembly/network/",
  ],
  "src/kernels/": ["src/math/", "src/outside/"],
  "src/kernels/build.ts": ["src/kernels/", "src/cli/"],
  "src/data/": ["src/math/", "src/outside/"],
  "src/image/": ["src/math/"],
  "src/model/": ["src/math/"],
  "src/format/": ["src/math/", "src/model/", "src/outside/"],
  "src/sampling/": ["src/math/"],
  "src/signing/": ["src/format/", "src/outside/"],
  "src/repository/": ["src/format/", "src/outside/"],
  "src/engine/": [
    ...["src/math/", "src/kernels/", "src/model/", "src/format/", "src/sampling/"],
    ...["src/repository/", "src/cli/", "src/outside/"],
  ],
  "src/compute/": [
    ...["src/math/", "src/image/", "src/format/", "src/sampling/", "src/engine/"],
  ],
  "src/serving/": [
    ...["src/format/", "src/engine/", "src/compute/", "src/repository/", "src/signing/"],
    "src/outside/",
  ],
  "src/http/": [
    ...["src/serving/", "src/compute/", "src/image/", "src/format/", "src/repository/"],
    ...["src/engine/", "src/outside/", "src/packages/", "src/api/"],
  ],
  "src/api/": ["src/model/", "src/engine/", "src/format/", "src/repository/"],
  "src/client/": [
    ...["src/api/", "src/model/", "src/format/", "src/repository/", "src/signing/"],
    ...["src/outside/", "src/packages/"],
  ],
  "src/cli/": ["src/outside/"],
  "src/listener.ts": [],
  "src/serve.ts": [
    ...["src/engine/", "src/repository/", "src/http/", "src/cli/", "src/serving/"],
    ...["src/signing/", "src/outside/", "src/listener.ts"],
  ],
  "src/server.ts": [
    ...["src/serve.ts", "src/format/", "src/model/", "src/sampling/", "src/engine/"],
    ...["src/compute/", "src/repository/", "src/serving/", "src/cli/"],
  ],
  "train/recipes/": [
    ...["src/kernels/", "src/data/", "src/model/", "src/format/", "src/cli/"],
  ],
  "train/data/": ["src/math/", "src/kernels/", "src/data/", "src/model/"],
  "train/trainers/": [
    ...["src/math/", "src/kernels/", "src/model/", "src/format/", "src/engine/"],
    ...["src/outside/", "train/recipes/", "train/data/"],
  ],
  "train/measure/": [
    ...["src/math/", "src/kernels/", "src/model/", "src/sampling/", "src/engine/"],
    ...["train/data/", "train/trainers/"],
  ],
  "train/run/": [
    ...["src/model/", "src/format/", "src/sampling/", "src/repository/", "src/cli/"],
    ...["src/outside/", "train/recipes/", "train/data/", "train/trainers/", "train/measure/"],
  ],
  "train/artifacts/": [
    ...["src/math/", "src/image/", "src/model/", "src/format/", "src/sampling/"],
    ...["src/repository/", "src/engine/", "src/cli/", "src/outside/"],
    ...["train/recipes/", "train/data/", "train/measure/", "train/run/"],
  ],
  "train/imports/": ["src/model/", "src/format/", "src/outside/"],
  "train/cli/": [
    ...["src/data/", "src/format/", "src/signing/"],
    ...["src/repository/", "src/engine/", "src/http/", "src/client/"],
    ...["src/cli/", "src/outside/"],
    ...["train/recipes/", "train/data/", "train/measure/", "train/run/"],
    "train/artifacts/",
    "train/imports/",
    "src/model/",
    "src/serve.ts",
  ],
  "train/packages/": [],
  "train/bin.ts": ["src/cli/", "train/cli/"],
  "tools/package/": [
    ...["src/cli/", "src/format/", "src/kernels/", "src/outside/", "src/repository/"],
  ],
  "train/mod.ts": [
    ...["src/math/", "src/kernels/", "src/image/", "src/model/", "src/format/"],
    ...["src/engine/", "src/repository/"],
    ...["train/recipes/", "train/data/", "train/trainers/", "train/measure/", "train/run/"],
    "train/artifacts/",
    "train/imports/",
  ],
};

async function sources(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(`${root}${directory}`)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) files.push(...await sources(path));
    else if (entry.name.endsWith(".ts")) files.push(path);
  }
  return files;
}

const files = (await Promise.all(["src", "train", "tools"].map(sources))).flat();
const texts = new Map(
  await Promise.all(
    files.map(async (file) => [file, await Deno.readTextFile(root + file)] as const),
  ),
);

/** What a file imports from this repository, types included; AssemblyScript leaves out the ending. */
function importsOf(file: string, text: string): string[] {
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return [...specifiers].map(([, path]) => {
    const target = join(dirname(file), path);
    return file.includes("/assembly/") ? `${target}.ts` : target;
  });
}

const graph = new Map([...texts].map(([file, text]) => [file, importsOf(file, text)]));

/** @throws {Error} if a file is in no room of the table. */
function roomOf(file: string): string {
  const matching = Object.keys(rooms).filter((room) => file.startsWith(room));
  if (matching.length === 0) throw new Error(`${file} is in no known room; add one to the table`);
  return matching.sort((a, b) => b.length - a.length)[0];
}

/** A circle of imports, as the files on it, or undefined. */
function findCycle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>(), path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle) return cycle;
    }
    path.pop();
    finished.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}

Deno.test("a file imports from its own room and from those that the table names", () => {
  for (const [file, targets] of graph) {
    const room = roomOf(file);
    for (const target of targets) {
      assert(files.includes(target), `${file} imports ${target}, which does not exist`);
      const other = roomOf(target);
      assert(
        other === room || rooms[room].includes(other),
        `${file} must not import ${target}: ${room} may import from ${rooms[room].join(", ")}`,
      );
    }
  }
});

Deno.test("the table names no import that nobody needs", () => {
  for (const [room, allowed] of Object.entries(rooms)) {
    const used = new Set(
      [...graph].filter(([file]) => roomOf(file) === room)
        .flatMap(([, targets]) => targets.map(roomOf)),
    );
    for (const other of allowed) assert(used.has(other), `${room} imports nothing from ${other}`);
  }
});

Deno.test("no imports go round in a circle, types included", () => {
  assertEquals(findCycle(graph), undefined);
});

Deno.test("a circle of imports is found, through types too", () => {
  const [a, b, c] = ["src/math/a.ts", "src/math/b.ts", "src/math/c.ts"];
  const added = new Map([
    [a, importsOf(a, 'import { b } from "./b.ts";')],
    [b, importsOf(b, 'import type { C } from "./c.ts";')],
    [c, importsOf(c, 'export { type A } from "./a.ts";')],
  ]);
  assertEquals(findCycle(added), [a, b, c, a]);
});

Deno.test("a folder holds about a dozen files at most", () => {
  const counts = new Map<string, number>();
  for (const file of files.filter((file) => !file.endsWith(".d.ts"))) {
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  for (const [folder, count] of counts) assert(count <= 14, `${folder} holds ${count} files`);
});

Deno.test("only the edges touch files, environment, clock or console", () => {
  const edges = [
    ...["src/kernels/build.ts", "src/serve.ts", "src/listener.ts", "src/cli/"],
    ...["src/outside/regular_file.ts", "src/outside/platform.ts", "src/outside/files.ts"],
    ...["src/repository/", "train/", "tools/"],
  ];
  const world = /\bDeno\.|\bconsole\.|Date\.now|new Date|node:fs|process\.env/;
  for (const [file, text] of texts) {
    if (edges.some((edge) => file.startsWith(edge))) continue;
    const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*/g, "");
    const found = world.exec(code)?.[0];
    assert(found === undefined, `${file} touches ${found}`);
  }
});

/** The first place where an error is caught and not looked at, or undefined. */
function findBareCatch(text: string): string | undefined {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const unseen = String.raw`(?:async\s*)?\(\)\s*=>`; // a handler that takes no error
  const bare = new RegExp(
    String.raw`\bcatch\s*\{|\.catch\(\s*${unseen}|\.then\([^;]*?,\s*${unseen}`,
  );
  return bare.exec(code)?.[0];
}

Deno.test("nothing is caught without being named", () => {
  for (const [file, text] of texts) {
    if (file.startsWith("src/kernels/generated/")) continue;
    assertEquals(findBareCatch(text), undefined, file);
  }
});

Deno.test("a bare catch is found in each of its forms, explained or not", () => {
  const bare = [
    "try { work(); } catch { rest(); }",
    "work.catch(() => {}); // its error is thrown elsewhere",
    "work.catch(async () => await rest());",
    "work.then((done) => done.close(), () => {});",
  ];
  for (const code of bare) assert(findBareCatch(code) !== undefined, code);
  const named = [
    "try { work(); } catch (error) { if (!(error instanceof RangeError)) throw error; }",
    "work.catch((error) => report(error));",
    "work.then(() => {});",
  ];
  for (const code of named) assertEquals(findBareCatch(code), undefined, code);
});

Deno.test("every source file begins with its purpose", () => {
  for (const [file, text] of texts) {
    if (file.startsWith("src/kernels/generated/")) continue;
    assert(text.startsWith("/**") && text.slice(0, 800).includes("@module"), file);
  }
});

Deno.test("serving's lock file holds what serves alone", async () => {
  const lock = JSON.parse(await Deno.readTextFile(`${root}deno.lock`));
  const names = Object.keys(lock.specifiers).map((name) => name.replace(/^npm:|@[^@]+$/g, ""));
  assertEquals(names.sort(), ["aws4fetch", "deno-std", "fast-png", "hono", "prom-client"]);
  for (const name of ["deno.lock", "deno.dev.lock"]) {
    assertEquals((await Deno.readTextFile(root + name)).match(/https?:\/\//g), null, name);
  }
});
