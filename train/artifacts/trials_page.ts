/**
 * A page of trials: tables and plots of what optimizers and initializers come to.
 * @module
 */
import { shellCommand } from "../../src/cli/shell.ts";
import { groupBy } from "../../src/outside/group_by.ts";
import { hiddenActivations } from "../../src/model/dbn.ts";
import { learningRates, plainRecipe, type Trial } from "../run/trials.ts";
import { compareErrors } from "./curves.ts";
import { renderSvg } from "./vega.ts";

/** What results.json holds. */
export interface TrialResults {
  /** Flags of the command, as its words. */
  arguments: readonly string[];
  trainingImages: number;
  heldOutImages: number;
  optimizers: Trial[];
  initializers: Trial[];
}

/** The trial with the lowest error at the end. */
function best(trials: readonly Trial[]): Trial {
  return trials.reduce((a, b) => b.errors.at(-1)! < a.errors.at(-1)! ? b : a);
}

/** The page and its plots, as files by name. */
export async function trialFiles(results: TrialResults): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const winners = [...groupBy(results.optimizers, ({ optimizer }) => optimizer).values()]
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
    files.set(file, await renderSvg(compareErrors(title, legend, runs)!));
  };
  await plot("optimizers.svg", "Optimizers at their best learning rate", "optimizer", winners);
  for (const activation of hiddenActivations) {
    const trials = results.initializers.filter((trial) => trial.activation === activation);
    const title = `Initializers, ${activation}`;
    await plot(`initializers_${activation}.svg`, title, "initializer", trials);
  }
  return files.set("README.md", page(results, winners));
}

/** The command that writes the page's directory again. */
function commandOf({ arguments: words }: TrialResults): string {
  const force = words.includes("--force") ? [] : ["--force"];
  return shellCommand(["deno", "task", "dbn", "optimizers", ...words, ...force]);
}

function page(results: TrialResults, winners: Trial[]): string {
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

    ${commandOf(results)}

\`--redraw\` writes this page and its plots again from results.json, without training.

## Optimizers

ReLUs, Glorot uniform weights, batches of 100 (1,000 for conjugate gradients), a constant learning rate:
the best of ${learningRates.adam.length} tried by the error at the end.

| optimizer | learning rate | error after 1, % | after ${epochs}, % | loss, nats | seconds |
| --- | --- | --- | --- | --- | --- |
${winners.map((trial) => row([trial.optimizer, trial.learningRate, ...cells(trial)])).join("\n")}

![Held-out error by epoch, optimizers](optimizers.svg)

## Initializers

Adam at ${plainRecipe.learningRate}.

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
