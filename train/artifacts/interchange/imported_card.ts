/**
 * The model card of a version whose classifier was imported.
 * Mitchell et al. (2019), "Model cards for model reporting".
 * @module
 */
import { shellCommand } from "../../../src/cli/shell.ts";
import { type ModelConfig, modelFiles } from "../../../src/format/config.ts";
import { dtypeOf } from "../../../src/format/weights.ts";
import { visible } from "../../../src/outside/shown.ts";
import { dtypeText } from "../card.ts";

/** Where a classifier is from, as config.json keeps it under `training.classifier`. */
export interface ImportedFrom {
  /** The program, such as `pytorch`. */
  from: string;
  /** Name of the file, without its folder. */
  file: string;
  /** Of the file's bytes, in hex. */
  sha256: string;
  /** What was taken from pixels in [0, 1] and by what they were divided, folded into the first layer. */
  mean?: number;
  std?: number;
}

/** What a card tells beside the config. */
export interface ImportedCardFacts {
  /** Directory of the model as a user names it. */
  out: string;
  source: ImportedFrom;
}

/** Writes the card as Markdown. */
export function importedCard(config: ModelConfig, { out, source }: ImportedCardFacts): string {
  const { architecture, preprocessing } = config, { labels, layers, top } = architecture;
  const sizes = [layers[0], ...architecture.classifier, labels.length].join("-");
  const { model, version } = config.training!.dbn as { model: string; version: number };
  return `# ${config.name}, version ${config.version}

A classifier ${sizes}, imported from ${
    programs[source.from] ?? source.from
  }, beside the Deep Belief \
Network ${
    layers.join("-")
  }-${top} of ${model} version ${version}. The classifier recognises images of \
${labels.length} classes; the network generates them, and recognises them too.

## Where the classifier is from

- File: ${visible(source.file)}, SHA-256 \`${source.sha256}\`.
- Hidden layers: ${architecture.activation ?? "sigmoid"}; output: softmax over ${labels.join(", ")}.
- Input: ${architecture.height}×${architecture.width} pixels, bytes divided by ${preprocessing.divisor}\
${scalingText(source)}.
- Weights: ${dtypeText[dtypeOf(config)]}, whatever the file had.

It was trained elsewhere: on what, nothing here tells. The probe holds images of ${model} version \
${version} with what the reference engine says of them by these weights. Measure its errors:

\`\`\`sh
${shellCommand(["deno", "task", "dbn", "evaluate", "--model", out])}
\`\`\`

## Files

| file | what |
| --- | --- |
| \`${modelFiles.config}\` | architecture, preprocessing, origin of both networks, hashes |
| \`${modelFiles.dbn}\` | the DBN of ${model} version ${version} |
| \`${modelFiles.classifier}\` | the imported network: \`dense1.kernel\` … |
| \`${modelFiles.onnx}\` | image in: classifier, label posterior, free energies, up-pass |
| \`${modelFiles.onnxHidden}\`, \`${modelFiles.onnxVisible}\`, \`${modelFiles.onnxDown}\` | the \
conditionals of Gibbs sampling and the down-pass |
`;
}

/** Programs by their name in config.json. */
const programs: Record<string, string> = { pytorch: "PyTorch", keras: "Keras" };

function scalingText({ mean = 0, std = 1 }: ImportedFrom): string {
  if (mean === 0 && std === 1) return "";
  return `; (x − ${mean}) / ${std} of the training elsewhere is folded into the first layer`;
}
