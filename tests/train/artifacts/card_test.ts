import { assert, assertEquals } from "@std/assert";
import { modelCard } from "../../../train/artifacts/card.ts";
import { presets } from "../../../train/recipes/presets.ts";
import { tinyModel } from "../../model/tiny_model.ts";

const { config } = tinyModel();
const rate = { wrong: 2, percent: 0.02, interval: [0.01, 0.07] as [number, number] };
const facts = {
  recipe: presets.quick,
  dataset: "mnist",
  evaluation: { images: 10_000, classifier: rate, joint: rate },
  history: [],
  pictures: [{ file: "images/samples.png", caption: "Samples" }],
  path: "models/mnist-dbn/2",
};

/** The commands of a card, as a shell reads their words. */
async function commands(card: string): Promise<string[][]> {
  const lines = [...card.matchAll(/```sh\n(.*)\n```/g)].map(([, line]) => line);
  return await Promise.all(lines.map(async (line) => {
    const print = `deno() { printf '%s\\0' "$@"; }\n${line}`;
    const { stdout } = await new Deno.Command("bash", { args: ["-c", print] }).output();
    return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
  }));
}

Deno.test("a card of MNIST names its commands and pictures", async () => {
  const card = modelCard(config, facts);
  assertEquals(await commands(card), [
    ["task", "dbn", "evaluate", "--model", "models/mnist-dbn/2"],
    ["task", "dbn", "card", "--model", "models/mnist-dbn/2"],
  ]);
  assert(card.includes("![Samples](images/samples.png)") && card.includes("handwritten digits"));
});

Deno.test("a card lists what training warned of, and nothing where it did not", () => {
  const warnings = [{ stage: "rbm1", kind: "constant layer", message: "9 of 10 units are" }];
  const card = modelCard({ ...config, training: { ...config.training, warnings } }, facts);
  assert(card.includes("Training warned of:\n\n- rbm1: 9 of 10 units are.\n\n## Pictures"), card);
  assert(!modelCard(config, facts).includes("warned"));
});

Deno.test("a card of other data names that data in its commands, and no digits", async () => {
  const { architecture } = config, labels = ["shirt", "bag"];
  const card = modelCard({ ...config, architecture: { ...architecture, labels } }, {
    ...facts,
    dataset: "fashion",
    dataDirectory: '/data/it\'s $HOME "x"',
    path: "my models/fashion/1",
  });
  const data = ["--data", '/data/it\'s $HOME "x"'];
  assertEquals(await commands(card), [
    ["task", "dbn", "evaluate", "--model", "my models/fashion/1", ...data],
    ["task", "dbn", "card", "--model", "my models/fashion/1", ...data],
  ]);
  assert(!/digit/i.test(card), card);
  assert(card.includes("2 classes of fashion: shirt, bag"), card);
});

Deno.test("a card says which figure the files cannot give again", () => {
  const evaluation = { ...facts.evaluation, greedy: rate };
  assert(modelCard(config, { ...facts, evaluation }).includes("is not among the files"));
  assert(!modelCard(config, facts).includes("is not among the files"));
});
