/**
 * Annealed importance sampling on the kernels: chains of an RBM through inverse temperatures, or along the
 * line from one RBM to another; see assembly/rbm/annealing.ts.
 * @module
 */
import { AnnealingRun, LogWeights, PathEnd, PathRun } from "../generated/abi.ts";
import { streamOf, streams } from "../../math/streams.ts";
import { allocateStruct, pack, place } from "../runtime/pack.ts";
import { RbmChains } from "./rbm_chains.ts";
import { type CallKey, RbmMemory, type RbmSizes, type TrainingParameters } from "./rbm_memory.ts";
import type { Team } from "../runtime/team.ts";

// M chains, V visible, H hidden, S steps

/** What the log weights compare the chains' RBM with; the RBM's own where it is left out. */
interface OtherDistribution {
  visibleBias?: number; // (V padded)
  otherVisibleBias: number; // (V padded)
  otherHiddenSums?: number; // (H/32, R, 32)
}

/** What chains of either kind can do. */
class Annealing {
  protected readonly rbm: RbmMemory;
  readonly #chains: RbmChains;
  readonly #baseBias: number;
  readonly #sums: number; // (workers, R) f64
  readonly #logWeights: number;
  readonly #run: number;
  #rows = 0;

  constructor(rbm: RbmMemory, other: OtherDistribution) {
    const { team: { arena, workers }, maxRows, places } = rbm;
    this.rbm = rbm;
    this.#chains = new RbmChains(rbm);
    this.#baseBias = other.otherVisibleBias;
    this.#sums = arena.allocate(2 * workers * maxRows);
    this.#logWeights = place(arena, LogWeights, {
      sums: this.#sums,
      visibleBias: places.visibleBias,
      otherHiddenSums: this.#chains.hidden,
      otherBetas: 0,
      ...other,
    });
    this.#run = allocateStruct(arena, AnnealingRun);
  }

  /** Runs `f` on the struct of a run through a schedule, which lies in the arena while `f` runs. */
  protected run(schedule: Float32Array, key: CallKey, f: (run: number) => void): void {
    const { arena } = this.rbm.team, baseBias = this.#baseBias;
    arena.scratch(() => {
      pack(arena, AnnealingRun, this.#run, {
        context: this.rbm.context(key),
        sampler: this.#chains.sampler(streamOf(streams.annealing), 0),
        chains: this.#chains.place({ rows: this.#rows, baseBias }),
        logWeights: this.#logWeights,
        steps: schedule.length - 1,
        schedule: arena.place(schedule),
      });
      f(this.#run);
    });
  }

  /** Binary states of the chains, (M, V). */
  states(): Float32Array {
    return this.#chains.states(this.#rows);
  }

  /** Puts chains (M, V) of binary states in the place of those there are. */
  setStates(states: Float32Array): void {
    this.#rows = this.#chains.setStates(states);
  }

  /** The log importance weights that the chains have come to, (M), in nats. */
  logWeights(): Float64Array {
    const { team: { arena, workers }, maxRows } = this.rbm;
    const words = arena.floats(this.#sums, 2 * workers * maxRows);
    const parts = new Float64Array(words.slice().buffer), out = new Float64Array(this.#rows);
    for (let worker = 0; worker < workers; worker++) {
      for (let row = 0; row < out.length; row++) out[row] += parts[worker * maxRows + row];
    }
    return out;
  }

  parameters(): TrainingParameters {
    return this.rbm.parameters();
  }
}

/** Chains of an RBM that go through inverse temperatures. */
export class TemperatureAnnealing extends Annealing {
  /** @param options `baseBias`: visible biases at inverse temperature 0, (V); all 0 if left out */
  constructor(
    team: Team,
    { baseBias, parameters, ...sizes }: RbmSizes & {
      parameters: TrainingParameters;
      baseBias?: Float32Array;
    },
  ) {
    const rbm = new RbmMemory(team, sizes), { arena } = team, { visiblePad } = rbm;
    const base = baseBias ? arena.place(baseBias, visiblePad) : arena.allocate(visiblePad);
    super(rbm, { otherVisibleBias: base });
    rbm.setParameters(parameters);
  }

  /**
   * Takes the chains through inverse temperatures, (S + 1), one Gibbs step each, and adds to each chain's
   * log weight log p(v) at the next one − at this one, both without log Z.
   * @param key its step is that of the first
   */
  anneal(betas: Float32Array, key: CallKey): void {
    this.run(betas, key, (run) => this.rbm.team.run("annealTemperatures", run));
  }
}

/** Chains that go along the line of parameters from one RBM without labels to another. */
export class PathAnnealing extends Annealing {
  readonly #path: number;
  readonly #ends: { from: number; to: number };

  /** @throws {RangeError} if an RBM of the path is of other sizes, or they have labels. */
  constructor(
    team: Team,
    { from, to, ...sizes }: RbmSizes & { from: TrainingParameters; to: TrainingParameters },
  ) {
    if (sizes.labelSize) throw new RangeError("Cannot anneal: a path has no labels");
    const rbm = new RbmMemory(team, sizes), { arena } = team;
    const [start, end] = [from, to].map((parameters) => {
      const places = rbm.allocateParameters();
      rbm.write(places, parameters);
      return places;
    });
    super(rbm, {
      visibleBias: end.visibleBias,
      otherVisibleBias: start.visibleBias,
      otherHiddenSums: arena.allocate(rbm.hiddenPad * rbm.maxRows),
    });
    this.#ends = { from: place(arena, PathEnd, start), to: place(arena, PathEnd, end) };
    this.#path = allocateStruct(arena, PathRun);
  }

  /**
   * The same through the RBMs at `shares`, (S + 1), of the line. The parameters end as those at the last
   * share.
   */
  anneal(shares: Float32Array, key: CallKey): void {
    const { team } = this.rbm;
    this.run(shares, key, (run) => {
      pack(team.arena, PathRun, this.#path, { run, ...this.#ends });
      team.run("annealPath", this.#path);
    });
  }
}
