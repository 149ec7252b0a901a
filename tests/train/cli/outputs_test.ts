import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { FlagError } from "../../../src/cli/flags.ts";
import { checkDirectory, checkNewDirectory, checkNewFile } from "../../../train/cli/outputs.ts";
import { run, tiny } from "./program.ts";

const directory = await Deno.makeTempDir();
const file = join(directory, "file"), full = join(directory, "full");
await Deno.writeTextFile(file, "kept");
await Deno.mkdir(full);
await Deno.writeTextFile(join(full, "a"), "kept");
await Deno.mkdir(join(directory, "empty"));
const flag = "out";

Deno.test("an output may be new, with parents that are not there, or empty", async () => {
  for (const name of ["new", "new/deep/down", "empty"]) {
    await checkNewDirectory({ flag, path: join(directory, name) }, false);
  }
  await checkNewFile({ flag, path: join(directory, "b") }, false);
  await checkNewDirectory({ flag, path: full }, true);
  await checkNewFile({ flag, path: file }, true);
  assertEquals(await checkDirectory({ flag, path: full }), ["a"]);
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  assertEquals(names, ["empty", "file", "full"]); // checks leave nothing
});

const refusedDirectories: [string, string][] = [
  ["", '--out must be a path, got ""'],
  [" ", '--out must be a path, got " "'],
  ["https://example.org/m/1", "--out must be a path, got the URL https://example.org/m/1"],
  [file, "it must be a directory, got a file"],
  [join(file, "below"), `${file} must be a directory, got a file`],
  [full, "the directory must be new or empty, got 1 entries; add --force to write over them"],
];
for (const [path, message] of refusedDirectories) {
  Deno.test(`a directory is refused: ${JSON.stringify(path.replace(directory, "…"))}`, async () => {
    const error = await assertRejects(() => checkNewDirectory({ flag, path }, false), FlagError);
    assert(error.message.includes(message), error.message);
  });
}

const refusedFiles: [string, string][] = [
  [full, "it must be a file, got a directory"],
  [file, "the file exists; add --force to write over it"],
  [join(directory, "no", "b.svg"), `the directory ${join(directory, "no")} does not exist`],
  ["", '--out must be a path, got ""'],
];
for (const [path, message] of refusedFiles) {
  Deno.test(`a file is refused: ${JSON.stringify(path.replace(directory, "…"))}`, async () => {
    const error = await assertRejects(() => checkNewFile({ flag, path }, false), FlagError);
    assert(error.message.includes(message), error.message);
  });
}

for (
  const [args, message] of [
    [["train", ...tiny, "--out", full], "add --force to write over them"],
    [["train", ...tiny, "--out", ""], '--out must be a path, got ""'],
    [["train", ...tiny, "--run", file], "it must be a directory, got a file"],
    [["train", ...tiny, "--run", full], "must be new, empty or that of a run, got 1 entries"],
    [["train", ...tiny, "--run", ""], '--run must be a path, got ""'],
    [["train", ...tiny, "--top", "0", "--out", ""], '--out must be a path, got ""'],
    [["train", ...tiny, "--pretrained", ""], '--pretrained must be a path, got ""'],
    [["train", ...tiny, "--data", " "], '--data must be a path, got " "'],
    [["card", "--model", ""], '--model must be a path, got ""'],
    [["serve", "--model", ""], '--model must be a path, got ""'],
    [["compare", "--plot", ""], '--plot must be a path, got ""'],
    [["train", ...tiny, "--no-output", "--out", "x"], "--no-output and --out exclude each other"],
    [["optimizers", "--out", full], "add --force to write over them"],
    [["optimizers"], "models/results/optimizers: the directory must be new or empty"],
    [["compare", "--plot", join(directory, "no", "a.svg")], "does not exist"],
  ] as [string[], string][]
) {
  const words = args.join(" ").replace(tiny.join(" "), "…").replaceAll(directory, "…");
  Deno.test(`an output is refused before any work: dbn ${words}`, async () => {
    const { code, out, err } = await run(...args);
    assertEquals([code, out, err.trim().split("\n").length], [2, "", 1], err);
    assert(err.includes(message), `${err} lacks ${message}`);
    assertEquals(await Deno.readTextFile(join(full, "a")), "kept");
  });
}
