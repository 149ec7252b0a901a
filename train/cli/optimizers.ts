/**
 * `deno task optimizers`: one experiment that compares every optimizer and every initializer on the
 * same small network, and plots both.
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "@std/path";
import {
  FlagError,
  flagHelp,
  type FlagTable,
  parseFlags,
  runCommand,
} from "../../src/cli/flags.ts";
import { linePlot, type Series } from "../../src/image/plot.ts";
import { type HiddenActivation, hiddenActivations } from "../../src/model/dbn.ts";
import { createClassifierTrainer } from "../trainers/create.ts";
import { dataFlags, loadExamples, openDataset } from "./data_flags.ts";
import { type Examples, gather } from "../data/examples.ts";
import { fineTuningOptimizers, type Initializer, initializers } from "../recipes/schema/choices.ts";
import { initialNetwork } from "../trainers/initializers.ts";
import { classifierMetrics } from "../measure/monitor.ts";
import { shuffled } from "../data/order.ts";
import { presets } from "../recipes/presets.ts";
import type { FineTuningRecipe } from "../recipes/recipe.ts";

const flagTable: FlagTable = {
  out: { kind: "string", help: "directory of table and plots [models/results/optimizers]" },
  epochs: { kind: "integer", help: "epochs of each network [6]" },
  seed: { kind: "integer", help: "integer >= 0 that every random number depends on [1]" },
  ...dataFlags,
};

const USAGE = `Usage: deno task optimizers [flags]

Trains 784-256-128-10 on train[:5/6] with each optimizer at each of its learning rates, and with each
initializer and activation, and measures them on train[5/6:]. Writes results.json, README.md and plots.`;

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

/** Runs the command; returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args, flagTable);
  if (flags.help) {
    console.log(flagHelp(USAGE, flagTable));
    return 0;
  }
  const out = (flags.out ?? "models/results/optimizers") as string;
  const epochs = (flags.epochs ?? 6) as number, seed = (flags.seed ?? 1) as number;
  if (epochs < 1 || epochs > 1000) {
    throw new FlagError(`--epochs must be in [1, 1000], got ${epochs}`);
  }
  if (seed < 0) throw new FlagError(`--seed must be >= 0, got ${seed}`);
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
  const byOptimizer: Trial[][] = [];
  for (const optimizer of fineTuningOptimizers) {
    const trials = [];
    for (const learningRate of RATES[optimizer]) {
      const batchSize = optimizer === "conjugate_gradient" ? LARGE_BATCH : plain.batchSize;
      trials.push(
        await run({ optimizer, learningRate, batchSize }, `${optimizer} ${learningRate}`),
      );
    }
    byOptimizer.push(trials);
  }
  const byInitializer: Trial[] = [];
  for (const initializer of initializers) {
    if (initializer === "pretrained") continue; // a matter of DBNs: see the results page
    for (const activation of hiddenActivations) {
      byInitializer.push(await run({ initializer, activation }, `${initializer}, ${activation}`));
    }
  }
  await write(out, byOptimizer, byInitializer, args);
  console.log(`wrote ${out}`);
  return 0;
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

async function write(
  out: string,
  byOptimizer: Trial[][],
  byInitializer: Trial[],
  args: readonly string[],
): Promise<void> {
  await mkdir(out, { recursive: true });
  const curve = ({ name, errors }: Trial): Series => ({
    name,
    x: errors.map((_, i) => i + 1),
    y: errors.map((error) => Math.max(error, 0.01)), // zeros have no place on a log axis
  });
  const plot = (title: string, trials: readonly Trial[]) =>
    linePlot({
      title,
      xLabel: "epoch",
      yLabel: "held-out error, percent",
      logY: true,
      series: trials.map(curve),
    });
  const winners = byOptimizer.map(best);
  await writeFile(join(out, "optimizers.png"), await plot("Optimizers", winners));
  for (const activation of hiddenActivations) {
    const trials = byInitializer.filter((trial) => trial.activation === activation);
    const named = trials.map((trial) => ({ ...trial, name: trial.initializer }));
    const file = join(out, `initializers_${activation}.png`);
    await writeFile(file, await plot(`Initializers, ${activation}`, named));
  }
  const all = { optimizers: byOptimizer.flat(), initializers: byInitializer };
  await writeFile(join(out, "results.json"), `${JSON.stringify(all, null, 1)}\n`);
  await writeFile(join(out, "README.md"), page(winners, byInitializer, args));
}

function page(winners: Trial[], byInitializer: Trial[], args: readonly string[]): string {
  const epochs = winners[0].errors.length;
  const row = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
  const cells = ({ errors, losses, seconds }: Trial) => [
    errors[0].toFixed(2),
    errors.at(-1)!.toFixed(2),
    losses.at(-1)!.toFixed(4),
    seconds.toFixed(0),
  ];
  return `# Optimizers and initializers

784-256-128-10 on 50,000 training images, ${epochs} epochs, no dropout; errors on the last 10,000
training images, which were not trained on. The test set was not looked at.

    ${["deno task optimizers", ...args].join(" ")}

## Optimizers

ReLUs, Glorot uniform weights, batches of 100 (1,000 for conjugate gradients), a constant learning rate:
the best of ${RATES.adam.length} tried by the error at the end.

| optimizer | learning rate | error after 1, % | after ${epochs}, % | loss, nats | seconds |
| --- | --- | --- | --- | --- | --- |
${winners.map((trial) => row([trial.optimizer, trial.learningRate, ...cells(trial)])).join("\n")}

![Held-out error by epoch, optimizers](optimizers.png)

## Initializers

Adam at ${plain.learningRate}.

| initializer | activation | error after 1, % | after ${epochs}, % | loss, nats | seconds |
| --- | --- | --- | --- | --- | --- |
${
    byInitializer.map((trial) => row([trial.initializer, trial.activation, ...cells(trial)]))
      .join("\n")
  }

![Held-out error by epoch, initializers, ReLU](initializers_relu.png)

![Held-out error by epoch, initializers, sigmoid](initializers_sigmoid.png)
`;
}

if (import.meta.main) await runCommand(() => main(Deno.args));
