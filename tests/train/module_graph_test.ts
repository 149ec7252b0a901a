/** What training and measuring load: the kernels alone, unless TensorFlow.js is asked for. */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url).pathname;

interface Dependency {
  specifier: string;
  isDynamic?: boolean;
  code?: { specifier?: string };
}

interface Module {
  specifier: string;
  dependencies?: Dependency[];
}

/** Modules of a program's graph, dynamic imports included. */
async function graphOf(entry: string): Promise<{ root: string; modules: Map<string, Module> }> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--lock=deno.dev.lock", entry],
    cwd: root,
    stderr: "null",
  }).output();
  assert(success, `deno info ${entry}`);
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout));
  return {
    root: roots[0],
    modules: new Map(modules.map((module: Module) => [module.specifier, module])),
  };
}

/** What is loaded at the start: everything that is imported without being asked for later. */
function loadedAtStart({ root, modules }: Awaited<ReturnType<typeof graphOf>>): Set<string> {
  const loaded = new Set<string>(), waiting = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (loaded.has(next)) continue;
    loaded.add(next);
    for (const { isDynamic, code } of modules.get(next)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier) waiting.push(code.specifier);
    }
  }
  return loaded;
}

const isTfjs = (specifier: string) => /tfjs|tensorflow/.test(specifier);

for (
  const entry of [
    ...["mod.ts", "src/serve.ts", "train/mod.ts", "train/cli/dbn.ts"],
    ...["train", "evaluate", "likelihood", "samples", "optimizers", "compare", "card"].map((name) =>
      `train/cli/${name}.ts`
    ),
  ]
) {
  Deno.test(`${entry} loads no TensorFlow.js unless it is asked for`, async () => {
    const loaded = loadedAtStart(await graphOf(entry));
    assert(loaded.size > 2, "the graph was read");
    assertEquals([...loaded].filter(isTfjs), []);
  });
}

Deno.test("the check sees TensorFlow.js where it is", async () => {
  assert([...loadedAtStart(await graphOf("src/engine/tfjs.ts"))].some(isTfjs));
});

Deno.test("one place asks for TensorFlow.js where Deno sees it: the trainers of that name", async () => {
  const graphs = await Promise.all(["train/cli/train.ts", "train/cli/evaluate.ts"].map(graphOf));
  const askers = graphs.flatMap(({ modules }) => [...modules.values()]).filter((module) =>
    module.dependencies?.some(({ isDynamic, code }) => isDynamic && isTfjs(code?.specifier ?? ""))
  );
  const files = askers.map(({ specifier }) => specifier.replace(/.*\/(src|train)\//, "$1/"));
  assertEquals([...new Set(files)].sort(), ["train/trainers/create.ts"]);
});
