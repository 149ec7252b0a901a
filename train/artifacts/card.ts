/**
 * The model card: a README.md in the model's directory.
 * Mitchell et al. (2019), "Model cards for model reporting".
 * @module
 */
import { type ModelConfig, modelFiles } from "../../src/format/config.ts";
import type { Dtype } from "../../src/format/safetensors.ts";
import { dtypeOf } from "../../src/format/weights.ts";
import type { EpochRecord } from "../run/checkpoint.ts";
import type { ErrorRate, Evaluation } from "../measure/evaluation.ts";
import type { TrainingWarning } from "../measure/health.ts";
import type { Picture } from "./pictures.ts";
import { changesText } from "../recipes/describe.ts";
import { type Recipe, stackRecipe } from "../recipes/recipe.ts";
import { fineTuningFields } from "../recipes/schema/fine_tuning.ts";
import { rbmFields } from "../recipes/schema/rbm.ts";
import { upDownFields } from "../recipes/schema/up_down.ts";
import { epochLine } from "../run/epoch_line.ts";
import { shellCommand } from "../../src/cli/shell.ts";

/** What a card tells beside the config. */
export interface CardFacts {
  recipe: Recipe;
  /** Name of the dataset. */
  dataset: string;
  /** Directory of the dataset as a user names it, where it is not the one that comes with MNIST. */
  dataDirectory?: string;
  evaluation: Evaluation;
  history: readonly EpochRecord[];
  pictures: readonly Picture[];
  /** Directory of the model as a user names it. */
  path: string;
}

/** Writes the card as Markdown. */
export function modelCard(config: ModelConfig, facts: CardFacts): string {
  const { architecture } = config, { recipe, evaluation, history, pictures } = facts;
  const layers = architecture.layers.join("-");
  const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
  return `# ${config.name}, version ${config.version}

A Deep Belief Network ${layers}-${architecture.top} with ${architecture.labels.length} label units at \
the top (Hinton, Osindero, Teh 2006), and a classifier \
${[architecture.layers[0], ...architecture.classifier, architecture.labels.length].join("-")} \
fine-tuned from the same pretraining. Both recognise ${subject(config, facts)}; the first also \
generates them.
${originText(config)}
## Results

Error on the ${evaluation.images.toLocaleString("en")} test images, with a 95 % Wilson interval:

| model | wrong | error |
| --- | --- | --- |
| fine-tuned classifier | ${errorCells(evaluation.classifier)} |
${
    evaluation.greedy
      ? `| joint model, greedy training only | ${errorCells(evaluation.greedy)} |
| joint model after up-down | ${errorCells(evaluation.joint)} |`
      : `| joint model, greedy training only | ${errorCells(evaluation.joint)} |`
  }

Measure them again, from the root of the repository:

\`\`\`sh
${command("evaluate", facts)}
\`\`\`
${
    evaluation.greedy
      ? "\nThe joint model before up-down is not among the files; its errors were counted in the run.\n"
      : ""
  }
## Training

- Data: ${facts.dataset}, split \`${recipe.split}\`${
    recipe.validation && `, validation \`${recipe.validation}\``
  }; pixel bytes divided by ${recipe.divisor}.
${stackText(recipe, config.training?.imported)}
- Top RBM: ${rbmText(recipe.topRbm)}.
- Classifier: ${fineTuningText(recipe.fineTuning)}.
${recipe.upDown.epochs > 0 ? `- Up-down: ${upDownText(recipe.upDown)}.\n` : ""}\
- RBMs in mini-batches of ${recipe.batchSize}, the classifier of ${recipe.fineTuning.batchSize}; seed ${recipe.seed}. \
Every field is in [config.json](config.json). Time in all: ${(seconds / 60).toFixed(0)} minutes.

The log is [training_log.jsonl](training_log.jsonl), a line an epoch; the last epoch of each stage:

\`\`\`
${lastEpochs(history).map(epochLine).join("\n")}
\`\`\`
${warningsText(config)}
## Pictures

${pictures.map(({ file, caption }) => `![${caption}](${file})\n\n*${caption}.*`).join("\n\n")}

Draw them and write this card again, without training:

\`\`\`sh
${command("card", facts)}
\`\`\`

## Files

| file | what |
| --- | --- |
| \`${modelFiles.config}\` | architecture, preprocessing, recipe, hashes, errors |
| \`${modelFiles.dbn}\` | the DBN: \`rbm1.*\` …, \`top.*\`, ${dtypeText[dtypeOf(config)]} |
| \`${modelFiles.classifier}\` | the fine-tuned network: \`dense1.kernel\` …, ${
    dtypeText[dtypeOf(config)]
  } |
| \`${modelFiles.onnx}\` | image in: classifier, label posterior, free energies, up-pass |
| \`${modelFiles.onnxHidden}\`, \`${modelFiles.onnxVisible}\`, \`${modelFiles.onnxDown}\` | the \
conditionals of Gibbs sampling and the down-pass |

The ONNX files hold no weights: their external data are the safetensors files beside them.

## Limits

${limits(config, facts)}
`;
}

/** How weights are stored. */
export const dtypeText: Record<Dtype, string> = {
  F32: "float32",
  F16: "float16",
  I8: "8-bit integers with a scale a column, `NAME_scale`; vectors float32",
};

/** Where rounded weights come from; nothing of weights as they were trained. */
function originText(config: ModelConfig): string {
  const { origin } = config;
  if (!origin) return "";
  const rounded = dtypeOf(config) === "I8"
    ? "to 8-bit integers, the largest of a column 127"
    : `to ${dtypeText[dtypeOf(config)]}`;
  return `\nThe weights are those of version ${origin.version} (${
    dtypeText[origin.dtype]
  }), rounded ${rounded}. Errors,
pictures and probe are those of the rounded weights.\n`;
}

/** The run's warnings as a list; nothing where there are none. */
function warningsText({ training }: ModelConfig): string {
  const warnings = (training?.warnings ?? []) as TrainingWarning[];
  if (warnings.length === 0) return "";
  const lines = warnings.map(({ stage, message }) => `- ${stage}: ${message}.`);
  return `\nTraining warned of:\n\n${lines.join("\n")}\n`;
}

/** What the images show, as far as the dataset's name tells. */
function subject({ architecture }: ModelConfig, { dataset }: CardFacts): string {
  if (dataset === "mnist") return "handwritten digits";
  return `the ${architecture.labels.length} classes of ${dataset}: ${
    architecture.labels.join(", ")
  }`;
}

/** A command about this model and its data. */
function command(name: string, { path, dataDirectory }: CardFacts): string {
  const data = dataDirectory === undefined ? [] : ["--data", dataDirectory];
  return shellCommand(["deno", "task", "dbn", name, "--model", path, ...data]);
}

function limits({ architecture }: ModelConfig, { dataset }: CardFacts): string {
  if (dataset === "mnist") {
    return `Digits as MNIST has them: one, light on dark, upright, centred. The server fits a PNG to that, but a
letter or a scribble gets a digit's label too, often with confidence. Samples are what the model
believes, not copies: some are read as another digit than the label that was asked for.`;
  }
  const { height, width } = architecture;
  return `Images as the training data has them, ${width}×${height} pixels, light on dark. Anything else gets one of their
labels too, often with confidence. Samples are what the model believes, not copies: some are read as
another class than the label that was asked for.`;
}

function errorCells({ wrong, percent, interval: [low, high] }: ErrorRate): string {
  return `${wrong} | ${percent.toFixed(2)} % (${low.toFixed(2)} – ${high.toFixed(2)})`;
}

/** How the RBMs were trained; `imported` says where the first one is from, if not from here. */
function stackText(recipe: Recipe, imported: unknown): string {
  if (typeof imported === "string") {
    const others = recipe.hidden.length > 1
      ? `\n- Other RBMs of the stack: ${rbmText(stackRecipe(recipe, 1))}.`
      : "";
    return `- First RBM: ${imported}, not trained here.${others}`;
  }
  if (Object.keys(recipe.upperStack).length === 0) {
    return `- Each RBM of the stack: ${rbmText(recipe.stack)}.`;
  }
  return `- First RBM: ${rbmText(recipe.stack)}.
- Other RBMs of the stack: ${rbmText(stackRecipe(recipe, 1))}.`;
}

function rbmText(rbm: Recipe["stack"]): string {
  const parts = [
    `${rbm.epochs} epochs of CD-${rbm.k}, learning rate ${rbm.learningRate}, momentum ` +
    `${rbm.momentum} then ${rbm.finalMomentum} from epoch ${rbm.momentumSwitchEpoch + 1}, ` +
    `weight cost ${rbm.weightCost}`,
  ];
  if (rbm.persistentEpochs > 0) {
    parts.push(
      `then ${rbm.persistentEpochs} epochs of PCD, learning rate ${rbm.persistentLearningRate} ` +
        "falling linearly to 0",
    );
  }
  const others = changesText(rbmFields, rbm, [
    ...["epochs", "k", "learningRate", "momentum", "finalMomentum", "momentumSwitchEpoch"],
    ...["weightCost", "persistentEpochs", "persistentLearningRate"],
  ]);
  return [...parts, ...others ? [others] : []].join("; ");
}

function rateText({ learningRate, schedule }: { learningRate: number; schedule: string }): string {
  const fall = {
    constant: "",
    linear: " falling linearly to 0",
    cosine: " falling as a half cosine",
  };
  return `learning rate ${learningRate}${fall[schedule as keyof typeof fall]}`;
}

function fineTuningText(recipe: Recipe["fineTuning"]): string {
  const { augmentation: a, initializer } = recipe;
  const parts = [
    `${recipe.epochs} epochs of ${recipe.optimizer}, ${rateText(recipe)}`,
    `${recipe.activation} units, from ${initializer} weights`,
    `dropout ${recipe.dropout} (input ${recipe.inputDropout})`,
  ];
  if (recipe.adversarialEpsilon > 0) {
    const { adversarialEpsilon: epsilon, adversarialNorm, adversarialCases } = recipe;
    const how = adversarialNorm === "l2"
      ? `a case by a distance of ${epsilon}`
      : `each pixel by ${epsilon}`;
    const cases = adversarialCases === "half" ? "half of each batch" : "each batch once more,";
    parts.push(`${cases} moved up the loss, ${how}`);
  }
  if (recipe.batchNormalization) {
    parts.push(
      "sums into hidden units normalized over the batch, folded into the weights afterwards",
    );
  }
  if (recipe.noise > 0 || recipe.inputNoise > 0) {
    parts.push(
      `uniform noise of standard deviation ${recipe.noise} on those and ${recipe.inputNoise} on pixels`,
    );
  }
  if (a.shift || a.rotation || a.scaling || a.shear || a.elasticAlpha) {
    parts.push(
      `images distorted anew in each epoch: shifts to ${a.shift} pixels, rotations to ${a.rotation}°, ` +
        `scalings to ${
          100 * a.scaling
        } %, shears to ${a.shear}, elastic α ${a.elasticAlpha} σ ${a.elasticSigma}`,
    );
  }
  const others = changesText(fineTuningFields, recipe, [
    ...["epochs", "batchSize", "optimizer", "learningRate", "schedule", "activation"],
    ...["initializer", "dropout", "inputDropout", "adversarialEpsilon", "adversarialNorm"],
    ...["adversarialCases", "batchNormalization", "noise", "inputNoise"],
  ]);
  return [...parts, ...others ? [others] : []].join("; ");
}

function upDownText(recipe: Recipe["upDown"]): string {
  const steps = recipe.kSchedule.map(({ epoch, k }) => `${k} from epoch ${epoch + 1}`);
  const { persistent, recognition, discriminativeLearningRate } = recipe;
  const parts = [
    `${recipe.epochs} epochs of batches of ${recipe.batchSize}, ${rateText(recipe)} downwards, ` +
    `${recipe.recognitionLearningRate} upwards and ${recipe.topLearningRate} at the top`,
    `Gibbs steps at the top ${[recipe.k, ...steps].join(", ")}`,
  ];
  if (persistent) parts.push("persistent chains");
  if (recognition === "classifier") parts.push("recognition from the classifier's weights");
  if (discriminativeLearningRate > 0) {
    parts.push(`log p(label | image) at the top at rate ${discriminativeLearningRate}`);
  }
  const others = changesText(upDownFields, recipe, [
    ...["epochs", "batchSize", "learningRate", "schedule", "recognitionLearningRate"],
    ...["topLearningRate", "k", "kSchedule", "persistent", "recognition"],
    "discriminativeLearningRate",
  ]);
  return [...parts, ...others ? [others] : []].join(", ");
}

function lastEpochs(history: readonly EpochRecord[]): EpochRecord[] {
  return history.filter(({ stage }, i) => history[i + 1]?.stage !== stage);
}
