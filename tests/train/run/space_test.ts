import { assertEquals, assertRejects } from "@std/assert";
import { FlagError } from "../../../src/cli/flags.ts";
import { checkSpace, leastBytes } from "../../../train/run/space.ts";
import { recipeOf } from "../../../train/recipes/complete.ts";
import { root, tiny } from "../cli/program.ts";

Deno.test("the least that is written is the weights of RBMs, velocities and classifier", () => {
  const recipe = recipeOf({ hidden: [3], top: 2 });
  const weights = (4 + 1) * 3 + (3 + 1) * 2;
  assertEquals(leastBytes(recipe, 4), {
    checkpoint: 4 * (3 * weights + 20),
    model: 4 * (2 * weights + 20),
  });
  assertEquals(leastBytes({ ...recipe, top: 0 }, 4).checkpoint, 4 * 2 * 15);
  assertEquals(leastBytes({ ...recipe, pretraining: false }, 4).checkpoint, 4 * (weights + 20));
});

const outputs = [{ flag: "run", path: "r", bytes: 60 }, { flag: "out", path: "m/1", bytes: 50 }];
const refused = (ids: Record<string, number>, freeBytes: number) =>
  assertRejects(
    () => checkSpace(outputs, (path) => Promise.resolve({ id: ids[path], freeBytes })),
    FlagError,
  );

Deno.test("outputs on one disk need their sum, on two disks each its own", async () => {
  const { message } = await refused({ r: 1, "m/1": 1 }, 109);
  assertEquals(
    message,
    "--run r and --out m/1: the disk must have at least 110 bytes free for the weights, got 109",
  );
  await checkSpace(outputs, () => Promise.resolve({ id: 1, freeBytes: 110 }));
  await checkSpace(outputs, (path) => Promise.resolve({ id: path.length, freeBytes: 60 }));
  assertEquals((await refused({ r: 1, "m/1": 2 }, 55)).message.startsWith("--run r: "), true);
});

Deno.test("the disk of a path is asked, its directory need not be there", async () => {
  const path = `${await Deno.makeTempDir()}/not/there`;
  await checkSpace([{ flag: "run", path, bytes: 1 }]);
  const bytes = Number.MAX_SAFE_INTEGER;
  await assertRejects(() => checkSpace([{ flag: "run", path, bytes }]), FlagError, `--run ${path}`);
});

Deno.test("without the permission to ask for free space, training goes on unasked", async () => {
  const directory = await Deno.makeTempDir();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--lock=deno.dev.lock", "--allow-read", "--allow-write"],
      ...["--allow-env", "train/cli/dbn.ts", "train", ...tiny, "--no-output"],
      ...["--run", `${directory}/run`],
    ],
    cwd: root,
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
});
