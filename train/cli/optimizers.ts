/**
 * `dbn optimizers`: one experiment that compares every optimizer and every initializer on the
 * same small network, and plots both.
 * @module
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "@std/path";
import type { Command } from "../../src/cli/command.ts";
import { type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { checkNewDirectory, forceFlag } from "./outputs.ts";
import { flagWords, shellCommand } from "../../src/cli/shell.ts";
import { compareErrors } from "../artifacts/curves.ts";
import { renderSvg } from "../artifacts/vega.ts";
import { type HiddenActivation, hiddenActivations } from "../../src/model/dbn.ts";
import { createClassifierTrainer } from "../trainers/create.ts";
import { dataFlags, loadExamples, openDataset, seedFlag } from "./data_flags.ts";
import { type Examples, gather } from "../data/examples.ts";
import { fineTuningOptimizers, type Initializer, initializers } from "../recipes/schema/choices.ts";
import { initialNetwork } from "../trainers/initializers.ts";
import { classifierMetrics } from "../measure/monitor.ts";
import { shuffled } from "../data/order.ts";
import { presets } from "../recipes/presets.ts";
import type { FineTuningRecipe } from "../recipes/recipe.ts";

const flagTable: FlagTable = {
  out: {
    kind: "string",
    group: "Output",
    help: "directory of table and plots",
    default: "models/results/optimizers",
  },
  force: forceFlag,
  epochs: { kind: "integer", help: "epochs of each network", default: "6", range: [1, 1000] },
  seed: seedFlag,
  ...dataFlags,
  redraw: {
    kind: "boolean",
    group: "Output",
    help: "write table and plots of an earlier results.json, no training",
  },
};

/** `dbn optimizers`. */
export const command: Command = {
  usage: "deno task dbn optimizers [flags]",
  about:
    `Trains 784-256-128-10 on train[:5/6] with each optimizer at each of its learning rates, and with each
initializer and activation, and measures them on train[5/6:]. Writes results.json, README.md and plots.`,
  flags: flagTable,
  run,
};

const SIZES = [784, 256, 128, 10];

/** Learning rates to try, spaced by about 3; the best by held-out error is reported. */
const RATES: Record<FineTuningRecipe["optimizer"], number[]> = {
  sgd: [0.1, 0.3, 1],
  momentum: [0.03, 0.1, 0.3],
  nesterov: [0.03, 0.1, 0.3],
  adagrad: [0.003, 0.01, 0.03],
  rmsprop: [0.0003, 0.001, 0.003],
  adadelta: [0.3, 1, 3],
  adam: [0.0003, 0.001, 0.003],
  conjugate_gradient: [1], // its line searches find the step
};

/** File of the results, beside their page and plots. */
const RESULTS_FILE = "results.json";

/** Cases of a batch of conjugate gradients; Hinton and Salakhutdinov (2006). */
const LARGE_BATCH = 1000;

/** One network's training. */
interface Trial {
  name: string;
  optimizer: FineTuningRecipe["optimizer"];
  initializer: Initializer;
  activation: HiddenActivation;
  learningRate: number;
  seconds: number;
  /** Held-out error in percent and loss in nats after each epoch. */
  errors: number[];
  losses: number[];
}

/** What results.json holds. */
interface Results {
  /** Arguments of the command. */
  arguments: readonly string[];
  trainingImages: number;
  heldOutImages: number;
  optimizers: Trial[];
  initializers: Trial[];
}

async function run(flags: FlagValues): Promise<void> {
  const out = (flags.out ?? "models/results/optimizers") as string;
  const epochs = (flags.epochs ?? 6) as number, seed = (flags.seed ?? 1) as number;
  if (flags.redraw) {
    const results: Results = JSON.parse(await readFile(join(out, RESULTS_FILE), "utf8"));
    await describe(out, results);
    console.log(`wrote table and plots of ${join(out, RESULTS_FILE)}`);
    return;
  }
  await checkNewDirectory({ flag: "out", path: out }, flags.force === true);
  const builder = await openDataset(flags), { divisor } = presets.plain;
  const data = {
    train: await loadExamples(builder, "train[:5/6]", divisor),
    validation: await loadExamples(builder, "train[5/6:]", divisor),
  };
  const run = async (recipe: Partial<FineTuningRecipe>, name: string) => {
    const trial = await train({ ...plain, epochs, ...recipe }, name, data, seed);
    const error = trial.errors.at(-1)!.toFixed(2);
    console.error(`${name}: ${error} % after ${epochs} epochs, ${trial.seconds.toFixed(0)} s`);
    return trial;
  };
  const results: Results = {
    arguments: flagWords(flags, flagTable),
    trainingImages: data.train.count,
    heldOutImages: data.validation.count,
    optimizers: [],
    initializers: [],
  };
  for (const optimizer of fineTuningOptimizers) {
    for (const learningRate of RATES[optimizer]) {
      const batchSize = optimizer === "conjugate_gradient" ? LARGE_BATCH : plain.batchSize;
      results.optimizers.push(
        await run({ optimizer, learningRate, batchSize }, `${optimizer} ${learningRate}`),
      );
    }
  }
  for (const initializer of initializers) {
    if (initializer === "pretrained") continue; // a matter of DBNs: see the results page
    for (const activation of hiddenActivations) {
      results.initializers.push(
        await run({ initializer, activation }, `${initializer}, ${activation}`),
      );
    }
  }
  await mkdir(out, { recursive: true });
  await writeFile(join(out, RESULTS_FILE), `${JSON.stringify(results, null, 1)}\n`);
  await describe(out, results);
  console.log(`wrote ${out}`);
}

const plain: FineTuningRecipe = {
  ...presets.plain.fineTuning,
  initializer: "glorot_uniform",
  activation: "relu",
  schedule: "constant",
  dropout: 0,
  inputDropout: 0,
};

async function train(
  recipe: FineTuningRecipe,
  name: string,
  { train, validation }: { train: Examples; validation: Examples },
  seed: number,
): Promise<Trial> {
  const { optimizer, initializer, activation, learningRate, batchSize } = recipe;
  const start = initialNetwork(SIZES, initializer as Exclude<Initializer, "pretrained">, seed);
  const trainer = await createClassifierTrainer("simd", start, {
    recipe,
    seed,
    stage: 0,
    batchSize,
  });
  const errors: number[] = [], losses: number[] = [], batches = Math.ceil(train.count / batchSize);
  let seconds = 0;
  for (let epoch = 0; epoch < recipe.epochs; epoch++) {
    const order = shuffled(train.count, seed, epoch), started = performance.now();
    for (let i = 0; i < batches; i++) {
      const indices = order.subarray(i * batchSize, (i + 1) * batchSize);
      const position = { epoch, step: epoch * batches + i, batchesPerEpoch: batches };
      trainer.step(gather(train, indices), position);
    }
    seconds += (performance.now() - started) / 1000;
    const metrics = classifierMetrics(trainer, validation);
    errors.push(metrics.val_error_percent);
    losses.push(metrics.val_loss);
  }
  trainer.dispose();
  return { name, optimizer, initializer, activation, learningRate, seconds, errors, losses };
}

/** The trial with the lowest error at the end. */
function best(trials: readonly Trial[]): Trial {
  return trials.reduce((a, b) => b.errors.at(-1)! < a.errors.at(-1)! ? b : a);
}

/** Writes the table and the plots of results. */
async function describe(out: string, results: Results): Promise<void> {
  const winners = [...Map.groupBy(results.optimizers, ({ optimizer }) => optimizer).values()]
    .map(best);
  const plot = async (
    file: string,
    title: string,
    legend: "optimizer" | "initializer",
    trials: readonly Trial[],
  ) => {
    const runs = trials.map((trial) => ({
      name: legend === "optimizer" ? trial.name : trial.initializer,
      heldOut: trial.errors,
    }));
    await writeFile(join(out, file), await renderSvg(compareErrors(title, legend, runs)!));
  };
  await plot("optimizers.svg", "Optimizers at their best learning rate", "optimizer", winners);
  for (const activation of hiddenActivations) {
    const trials = results.initializers.filter((trial) => trial.activation === activation);
    const title = `Initializers, ${activation}`;
    await plot(`initializers_${activation}.svg`, title, "initializer", trials);
  }
  await writeFile(join(out, "README.md"), page(results, winners));
}

function page(results: Results, winners: Trial[]): string {
  const epochs = winners[0].errors.length;
  const count = (n: number) => n.toLocaleString("en");
  const row = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
  const cells = ({ errors, losses, seconds }: Trial) => [
    errors[0].toFixed(2),
    errors.at(-1)!.toFixed(2),
    losses.at(-1)!.toFixed(4),
    seconds.toFixed(0),
  ];
  return `# Optimizers and initializers

784-256-128-10 on ${
    count(results.trainingImages)
  } training images, ${epochs} epochs, no dropout; errors \
on the last ${count(results.heldOutImages)}
training images, which were not trained on. The test set was not looked at.

    ${shellCommand(["deno", "task", "dbn", "optimizers", ...results.arguments])}

\`--redraw\` writes this page and its plots again from results.json, without training.

## Optimizers

ReLUs, Glorot uniform weights, batches of 100 (1,000 for conjugate gradients), a constant learning rate:
the best of ${RATES.adam.length} tried by the error at the end.

| optimizer | learning rate | error after 1, % | after ${epochs}, % | loss, nats | seconds |
| --- | --- | --- | --- | --- | --- |
${winners.map((trial) => row([trial.optimizer, trial.learningRate, ...cells(trial)])).join("\n")}

![Held-out error by epoch, optimizers](optimizers.svg)

## Initializers

Adam at ${plain.learningRate}.

| initializer | activation | error after 1, % | after ${epochs}, % | loss, nats | seconds |
| --- | --- | --- | --- | --- | --- |
${
    results.initializers.map((trial) => row([trial.initializer, trial.activation, ...cells(trial)]))
      .join("\n")
  }

![Held-out error by epoch, initializers, ReLU](initializers_relu.svg)

![Held-out error by epoch, initializers, sigmoid](initializers_sigmoid.svg)
`;
}
