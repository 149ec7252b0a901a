/**
 * A whole training run: each RBM of the stack, the top RBM with labels, the classifier, and where the
 * recipe asks for it the up-down algorithm.
 * Greedy layer-wise pretraining after Hinton, Osindero, Teh (2006).
 *
 * On one machine the same recipe and data give the same weights bit for bit, however often the run is stopped and
 * resumed: every random number is keyed by (seed, stage, batch), and a checkpoint holds the rest.
 * @module
 */
import { tensorsUnder } from "../../src/format/safetensors.ts";
import type { Classifier, Dbn } from "../../src/model/dbn.ts";
import { eventLoopTurn } from "../../src/sampling/pace.ts";
import type { LabelRbm, Rbm } from "../../src/model/rbm.ts";
import { findNotFinite, type Tensor } from "../../src/format/safetensors.ts";
import { type Checkpoint, type EpochRecord, type Progress } from "./checkpoint.ts";
import { createClassifierTrainer } from "../trainers/create.ts";
import { unroll, weightsAlone } from "../trainers/unroll.ts";
import { EarlyStopping } from "../trainers/early_stopping.ts";
import { histogram } from "../measure/histogram.ts";
import { classifierMetrics, jointMetrics, rbmMetrics } from "../measure/monitor.ts";
import {
  chanceWarnings,
  dataWarnings,
  healthCases,
  inspectLayer,
  inspectNetwork,
  isExplained,
  type LayerContext,
  type TrainingWarning,
} from "../measure/health.ts";
import { checkExamples } from "../data/check.ts";
import { shuffled, stratified } from "../data/order.ts";
import { createRbmTrainer } from "../trainers/create.ts";
import { checkTransposed } from "../trainers/rbm_start.ts";
import { type RbmRecipe, type Recipe, stackRecipe } from "../recipes/recipe.ts";
import {
  augmented,
  type Batch,
  binarized,
  type Examples,
  gather,
  inputMean,
  propagate,
} from "../data/examples.ts";
import { initialNetwork } from "../trainers/initializers.ts";
import { trainingTeam } from "../trainers/simd/team.ts";
import {
  type Metrics,
  type Position,
  type Trainer,
  TrainingDiverged,
} from "../trainers/trainer.ts";
import { UpDownTrainer } from "../trainers/simd/up_down_trainer.ts";

/** Classes of every dataset that can be loaded. */
const LABELS = 10;

/** Batches between two turns of the event loop, in which an interrupt can arrive. */
const BATCHES_PER_TURN = 8;

/** Thrown when a run stops because its signal was aborted; its checkpoint has been saved. */
export class TrainingInterrupted extends Error {
  /** The class's name, as `Error` has it. */
  override name = "TrainingInterrupted";
}

/** What a run tells while it goes. */
export interface TrainingEvents {
  /** Hears of every batch. */
  onBatch?(at: BatchEvent): void;
  /** Hears of every epoch. */
  onEpoch?(record: EpochRecord): void;
  /** Keeps a checkpoint: after every epoch, and when interrupted. */
  save?(checkpoint: Checkpoint): Promise<void>;
  /** Hears of signs that training went wrong, before it or after a stage; what it throws ends the run. */
  onWarning?(warning: TrainingWarning): void;
  /** Aborted to interrupt the run, which then saves a checkpoint. */
  signal?: AbortSignal;
}

/** One batch is done. */
export interface BatchEvent {
  /** Name of the stage. */
  stage: string;
  /** Counted from 1. */
  epoch: number;
  /** Epochs of the stage. */
  epochs: number;
  /** Counted from 1. */
  batch: number;
  /** Batches of an epoch. */
  batches: number;
  /** Means over the epoch so far. */
  metrics: Metrics;
}

/** What a run makes. */
export interface TrainedParts {
  /** The RBMs below the top one. */
  stack: Rbm[];
  /** None without pretraining or a top RBM. */
  dbn: Dbn | undefined;
  /** The DBN as it was before the up-down algorithm, where that was run. */
  greedy?: Dbn;
  /** None of a stack alone. */
  classifier: Classifier | undefined;
  /** Every epoch of every stage. */
  history: EpochRecord[];
  /** Signs that training went wrong. */
  warnings: TrainingWarning[];
}

/**
 * Trains after `recipe`, from the start or from a checkpoint.
 * @throws {RangeError} if a value of the data or a weight is out of bounds, naming it and where it is.
 */
export async function runTraining(
  recipe: Recipe,
  data: { train: Examples; validation?: Examples },
  events: TrainingEvents = {},
  resume?: Checkpoint,
): Promise<TrainedParts> {
  checkBatches(recipe, data.train.count);
  const run = new Run(recipe, events, resume);
  const { warnings } = run, { history } = run.progress; // the run adds to both
  run.warn(dataWarnings(checkData(recipe, data)));
  if (!recipe.pretraining) {
    const classifier = await run.classifierStage(0, undefined, data.train, data.validation);
    return { stack: [], dbn: undefined, classifier, history, warnings };
  }
  const stack: Rbm[] = [];
  let { train, validation } = data;
  checkInitializers(recipe, train.size);
  // Where the first RBM learns from binary samples of the images, those above learn from the hidden units
  // inferred from such samples, new ones in each epoch.
  const sampled = recipe.stack.inputs === "sample";
  const imagesOf = (examples: Examples, epoch: number) =>
    sampled ? binarized(examples, recipe.seed, epoch) : examples;
  const inputs = async (epoch: number) => {
    if (!sampled || stack.length === 0 || epoch === 0) return train;
    let above = imagesOf(data.train, epoch);
    for (const rbm of stack) above = await propagate(rbm, above);
    return above;
  };
  for (let i = 0; i < recipe.hidden.length; i++) {
    const size = { hiddenSize: recipe.hidden[i], labelSize: 0 };
    const examples = { train, validation, inputs };
    const rbm = await run.rbmStage(i, `rbm${i + 1}`, examples, size, stack.at(-1));
    stack.push(rbm);
    train = await propagate(rbm, i === 0 ? imagesOf(train, 0) : train);
    validation = validation &&
      await propagate(rbm, i === 0 ? imagesOf(validation, 0) : validation);
  }
  if (recipe.top === 0) {
    return { stack, dbn: undefined, classifier: undefined, history, warnings };
  }
  const topSize = { hiddenSize: recipe.top, labelSize: LABELS };
  const below = stack.at(-1);
  const examples = { train, validation, inputs };
  const top = await run.rbmStage(stack.length, "top", examples, topSize, below);
  const penultimateMean = Float32Array.from(inputMean(train));
  const greedy = { stack, top: top as LabelRbm, penultimateMean };
  const classifier = await run.classifierStage(
    stack.length + 1,
    greedy,
    data.train,
    data.validation,
  );
  const dbn = recipe.upDown.epochs > 0
    ? await run.upDownStage(stack.length + 2, greedy, classifier, data.train, data.validation)
    : greedy;
  return { stack, dbn, ...(dbn !== greedy && { greedy }), classifier, history, warnings };
}

/** The range of the training data. @throws {RangeError} if a value or label is out of bounds. */
function checkData(
  { pretraining, stack: { visible } }: Recipe,
  { train, validation }: { train: Examples; validation?: Examples },
) {
  const bounds = { gaussian: pretraining && visible === "gaussian", classes: LABELS };
  if (validation) checkExamples(validation, { ...bounds, name: "validation" });
  return checkExamples(train, { ...bounds, name: "train" });
}

/** @throws {RangeError} if a batch of one case would be normalized, which leaves nothing of it. */
function checkBatches(
  { fineTuning: { batchNormalization, batchSize } }: Recipe,
  count: number,
): void {
  if (!batchNormalization || count % batchSize !== 1) return;
  throw new RangeError(
    `Cannot train: fineTuning.batchNormalization needs at least 2 cases in the last batch, got 1 of ${count} in batches of ${batchSize}; change the split or fineTuning.batchSize`,
  );
}

/** @throws {RangeError} if an RBM that starts from the transpose of the one below has too few units. */
function checkInitializers(recipe: Recipe, imageSize: number): void {
  const sizes = [imageSize, ...recipe.hidden, recipe.top];
  for (let stage = 1; stage < sizes.length - 1; stage++) {
    const isTop = stage === recipe.hidden.length;
    if (isTop && recipe.top === 0) continue;
    const { initializer } = isTop ? recipe.topRbm : stackRecipe(recipe, stage);
    if (initializer === "transposed") checkTransposed(sizes[stage + 1], sizes[stage - 1]);
  }
}

/** What an RBM is trained on and measured by. */
interface LayerExamples {
  train: Examples;
  validation: Examples | undefined;
  /** What it learns from in an epoch; `train` in the first. */
  inputs(epoch: number): Promise<Examples>;
}

/** What is measured after an epoch. */
type Measurement = Pick<EpochRecord, "metrics" | "histograms">;

/** The state of a run between batches. */
class Run {
  readonly warnings: TrainingWarning[] = [];
  progress: Progress = { stage: 0, step: 0, sums: {}, seconds: 0, history: [] };
  readonly #recipe: Recipe;
  readonly #events: TrainingEvents;
  readonly #finished = new Map<string, Tensor>();
  #resume: Checkpoint | undefined;
  /** The checkpoint's file, for errors. */
  readonly #resumedFrom: string;

  constructor(recipe: Recipe, events: TrainingEvents, resume?: Checkpoint) {
    this.#recipe = recipe;
    this.#events = events;
    this.#resume = resume;
    this.#resumedFrom = resume?.file ?? "the checkpoint";
    if (!resume) return;
    this.progress = structuredClone(resume.progress);
    for (const [name, tensor] of resume.tensors) {
      if (name.startsWith("stage")) this.#finished.set(name, tensor);
    }
  }

  /** Keeps warnings, and tells of them, but for those of which an earlier one tells the likely cause. */
  warn(warnings: readonly TrainingWarning[]): void {
    for (const warning of warnings) {
      if (this.warnings.some((earlier) => isExplained(warning, earlier))) continue;
      this.warnings.push(warning);
      this.#events.onWarning?.(warning);
    }
  }

  /** Warns of the errors that a stage's last epoch measured. */
  #warnOfErrors(context: LayerContext, train: Examples, validation: Examples | undefined): void {
    const last = this.progress.history.findLast(({ stage }) => stage === context.stage);
    const labels = { train: train.labels, validation: validation?.labels };
    this.warn(chanceWarnings(last?.metrics, labels, context));
  }

  async rbmStage(
    stage: number,
    name: string,
    { train, validation, inputs }: LayerExamples,
    { hiddenSize, labelSize }: { hiddenSize: number; labelSize: number },
    below: Rbm | undefined,
  ): Promise<Rbm | LabelRbm> {
    const { topRbm, batchSize, seed, backend } = this.#recipe;
    const recipe = labelSize > 0 ? topRbm : stackRecipe(this.#recipe, stage);
    const trainer = await createRbmTrainer(backend, {
      visibleSize: train.size,
      hiddenSize,
      labelSize,
      batchSize,
      recipe,
      seed,
      stage,
      visibleMean: inputMean(train),
      ...(recipe.initializer === "transposed" && { below }),
    });
    const read = () => labelSize > 0 ? trainer.labelParameters() : trainer.parameters();
    await this.#fit(
      stage,
      name,
      trainer,
      inputs,
      batchSize,
      async (epoch) => {
        const rbm = read(), updates = trainer.state().get("velocity.weights")!.data;
        const gaussian = recipe.visible === "gaussian" && stage === 0;
        return {
          metrics: await rbmMetrics(rbm, train, validation, { gaussian, seed, epoch }),
          histograms: { weights: histogram(rbm.weights), updates: histogram(updates) },
        };
      },
    );
    const parameters = read();
    trainer.dispose();
    const context = { stage: name, learningRate: rbmRate(recipe, labelSize > 0) };
    const { warnings } = await inspectLayer(
      upwards(parameters),
      healthCases(train),
      context,
    );
    this.warn(warnings);
    this.#warnOfErrors(context, train, validation);
    return parameters;
  }

  async classifierStage(
    stage: number,
    dbn: Dbn | undefined,
    train: Examples,
    validation: Examples | undefined,
  ): Promise<Classifier> {
    const { fineTuning, seed, backend, hidden, top } = this.#recipe;
    const { initializer, augmentation, patience, batchSize } = fineTuning;
    const sizes = [train.size, ...hidden, top, LABELS];
    let start: Classifier;
    if (initializer !== "pretrained") start = initialNetwork(sizes, initializer, seed);
    else if (fineTuning.batchNormalization) start = weightsAlone(unroll(dbn!));
    else start = unroll(dbn!);
    const inner = await createClassifierTrainer(backend, start, {
      recipe: fineTuning,
      seed,
      stage,
      batchSize,
    });
    const trainer = patience > 0 ? new EarlyStopping(inner, patience) : inner;
    await this.#fit(
      stage,
      "classifier",
      trainer,
      (epoch) => augmented(train, augmentation, { seed, epoch }),
      batchSize,
      () => Promise.resolve({ metrics: classifierMetrics(trainer, validation) }),
    );
    const parameters = trainer.parameters().map((layer, i, all) =>
      fineTuning.activation === "sigmoid" || i === all.length - 1
        ? layer
        : { ...layer, activation: fineTuning.activation }
    );
    trainer.dispose();
    const context = {
      stage: "classifier",
      learningRate: `fineTuning.learningRate (${fineTuning.learningRate})`,
      scaled: !fineTuning.batchNormalization,
    };
    this.warn(await inspectNetwork(parameters, healthCases(train), context));
    this.#warnOfErrors(context, train, validation);
    return parameters;
  }

  async upDownStage(
    stage: number,
    dbn: Dbn,
    classifier: Classifier,
    train: Examples,
    validation: Examples | undefined,
  ): Promise<Dbn> {
    const { upDown, seed } = this.#recipe;
    const options = { recipe: upDown, seed, stage };
    const start = upDown.recognition === "greedy" ? dbn : recognisedBy(classifier, dbn);
    const trainer = new UpDownTrainer(await trainingTeam(), start, options);
    const { penultimateMean } = dbn;
    const evaluate = async () => ({
      metrics: await jointMetrics(
        { ...trainer.parameters(), penultimateMean },
        train,
        validation,
      ),
    });
    await this.#fit(stage, "up-down", trainer, () => train, upDown.batchSize, evaluate);
    const parameters = trainer.parameters();
    trainer.dispose();
    const context = {
      stage: "up-down",
      learningRate: `upDown.topLearningRate (${upDown.topLearningRate})`,
    };
    let below = train;
    for (const [i, layer] of [...parameters.stack, parameters.top].entries()) {
      const at = { ...context, stage: `up-down layer ${i + 1}` };
      this.warn((await inspectLayer(upwards(layer), healthCases(below), at)).warnings);
      if (i < parameters.stack.length) below = await propagate(layer, below);
    }
    this.#warnOfErrors(context, train, validation);
    return { ...parameters, penultimateMean: Float32Array.from(inputMean(below)) };
  }

  /** Runs a stage's epochs, or loads its result when the checkpoint is past it. */
  async #fit(
    stage: number,
    name: string,
    trainer: Trainer,
    examples: (epoch: number) => Examples | Promise<Examples>,
    batchSize: number,
    evaluate: (epoch: number) => Promise<Measurement>,
  ): Promise<void> {
    if (stage < this.progress.stage) {
      return this.#load(trainer, name, tensorsUnder(this.#finished, `stage${stage}`));
    }
    const saved = this.#resume && tensorsUnder(this.#resume.tensors, "trainer");
    if (saved?.size) this.#load(trainer, name, saved);
    this.#resume = undefined;
    const batches = Math.ceil((await examples(0)).count / batchSize);
    while (this.progress.step < trainer.epochs * batches && !trainer.finished) {
      const train = await examples(Math.floor(this.progress.step / batches));
      await this.#epoch(stage, name, trainer, train, batchSize, batches, evaluate);
    }
    for (const [key, tensor] of trainer.state()) this.#finished.set(`stage${stage}.${key}`, tensor);
    this.progress = { ...this.progress, stage: stage + 1, step: 0, sums: {}, seconds: 0 };
    await this.#save();
  }

  /** @throws {RangeError} naming the checkpoint's file and the stage, if the state is not the trainer's. */
  #load(trainer: Trainer, stage: string, state: ReadonlyMap<string, Tensor>): void {
    try {
      trainer.load(state);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      const message = `Cannot resume from ${this.#resumedFrom}: in ${stage} ${cause.message}`;
      throw new RangeError(message, { cause });
    }
  }

  async #epoch(
    stage: number,
    name: string,
    trainer: Trainer,
    train: Examples,
    batchSize: number,
    batches: number,
    evaluate: (epoch: number) => Promise<Measurement>,
  ): Promise<void> {
    const { progress } = this;
    const epoch = Math.floor(progress.step / batches);
    const { seed, balanced } = this.#recipe, key = 65536 * stage + epoch;
    const order = balanced && name !== "classifier"
      ? stratified(train.labels, seed, key)
      : shuffled(train.count, seed, key);
    const started = performance.now();
    const elapsed = () => progress.seconds + (performance.now() - started) / 1000;
    for (let i = progress.step % batches; i < batches; i++) {
      const batch = gather(train, order.subarray(i * batchSize, (i + 1) * batchSize));
      const position = { epoch, step: progress.step, batchesPerEpoch: batches };
      addMetrics(progress, stepOf(trainer, batch, position, name));
      progress.step++;
      this.#events.onBatch?.({
        stage: name,
        epoch: epoch + 1,
        epochs: trainer.epochs,
        batch: i + 1,
        batches,
        metrics: means(progress),
      });
      if (i % BATCHES_PER_TURN === 0) await eventLoopTurn();
      if (this.#events.signal?.aborted && i < batches - 1) {
        progress.seconds = elapsed();
        const state = trainer.state();
        checkFinite(state, name, epoch);
        await this.#save(state);
        throw new TrainingInterrupted("Training was interrupted");
      }
    }
    checkFinite(trainer.state(), name, epoch);
    const measured = await evaluate(epoch);
    const metrics = { ...means(progress), ...measured.metrics };
    trainer.afterEpoch?.(metrics);
    const seconds = Math.round(10 * elapsed()) / 10;
    const at = { stage: name, epoch: epoch + 1, epochs: trainer.epochs, seconds };
    const record = { ...at, ...measured, metrics };
    progress.history.push(record);
    progress.sums = {};
    progress.seconds = 0;
    await this.#save(trainer.state());
    this.#events.onEpoch?.(record);
    if (this.#events.signal?.aborted) throw new TrainingInterrupted("Training was interrupted");
  }

  async #save(trainer?: ReadonlyMap<string, Tensor>): Promise<void> {
    if (!this.#events.save) return;
    const tensors = new Map(this.#finished);
    for (const [name, tensor] of trainer ?? []) tensors.set(`trainer.${name}`, tensor);
    await this.#events.save({ recipe: this.#recipe, progress: this.progress, tensors });
  }
}

/** The DBN with the classifier's weights upwards, and its own downwards. */
function recognisedBy(classifier: Classifier, dbn: Dbn): Dbn {
  const stack = dbn.stack.map((layer, i) => ({
    ...layer,
    weights: classifier[i].kernel,
    hiddenBias: classifier[i].bias,
    generativeWeights: layer.generativeWeights ?? layer.weights,
  }));
  return { ...dbn, stack };
}

/** A layer as it computes upwards. */
function upwards({ visibleSize: inputSize, weights, hiddenBias: bias }: Rbm) {
  return { inputSize, weights, bias };
}

/** The field that a too high learning rate of an RBM stands in, with its value. */
function rbmRate(recipe: RbmRecipe, isTop: boolean): string {
  const field = recipe.epochs > 0 ? "learningRate" : "persistentLearningRate";
  return `${isTop ? "topRbm" : "stack"}.${field} (${recipe[field]})`;
}

/** One step. @throws {RangeError} naming the stage, if it has diverged. */
function stepOf(trainer: Trainer, batch: Batch, position: Position, stage: string): Metrics {
  try {
    return trainer.step(batch, position);
  } catch (error) {
    if (error instanceof TrainingDiverged) checkFinite(trainer.state(), stage, position.epoch);
    throw error;
  }
}

/** @throws {RangeError} if training has diverged; what was saved before stays. */
function checkFinite(state: ReadonlyMap<string, Tensor>, stage: string, epoch: number): void {
  for (const [name, { data }] of state) {
    const bad = findNotFinite(data);
    if (bad < 0) continue;
    throw new RangeError(
      `Training diverged: in ${stage} epoch ${epoch + 1}, ${name}[${bad}] is ${data[bad]}; ` +
        "what was saved before stays. Begin again with a lower learning rate",
    );
  }
}

function addMetrics({ sums }: Progress, metrics: Metrics): void {
  for (const [name, value] of Object.entries(metrics)) {
    const [sum, count] = sums[name] ?? [0, 0];
    sums[name] = [sum + value, count + 1];
  }
}

function means({ sums }: Progress): Metrics {
  return Object.fromEntries(
    Object.entries(sums).map(([name, [sum, count]]) => [name, sum / count]),
  );
}
