/**
 * A loaded version and who uses it: it is freed when it is retired and its last request has ended.
 * @module
 */
import type { Classification } from "../engine/classify.ts";
import type { ServedVersion, Shadow } from "./served.ts";

/** Classifications of a shadow that wait at the same time; more are left out. */
const MAX_SHADOWS = 8;

/** A version in memory. */
export class LoadedVersion {
  readonly served: ServedVersion;
  /** Counts uses, so that the one that was used longest ago is freed first. */
  usedAt = 0;
  /** When its manifest was last seen in the repository, in ms of `performance.now`. */
  seenAt = -Infinity;
  #leases = 0;
  #shadows = 0;
  #retired = false;

  constructor(served: ServedVersion) {
    this.served = served;
  }

  /** Whether requests use it now. */
  get isBusy(): boolean {
    return this.#leases > 0;
  }

  /** Whether no request may use it any more. */
  get isRetired(): boolean {
    return this.#retired;
  }

  /** Keeps it in memory until the function that this returns is called, once or more. */
  lease(): () => void {
    this.#leases++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#leases--;
      this.#freeIfDone();
    };
  }

  /** No request will use it again; more than once is harmless. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#freeIfDone();
  }

  /** As a shadow, which tells `heard` of how many of its labels are others. */
  asShadow(heard: (compared: number, disagreed: number) => void): Shadow | undefined {
    if (this.#shadows >= MAX_SHADOWS) return undefined;
    return { compare: (images, answered) => void this.#compare(images, answered, heard) };
  }

  async #compare(
    images: Float32Array,
    answered: readonly Classification[],
    heard: (compared: number, disagreed: number) => void,
  ): Promise<void> {
    // Images of another size are no images of this version's, how many of its own they may hold.
    if (this.#retired || images.length !== answered.length * this.served.compute.imageSize) return;
    const release = this.lease();
    this.#shadows++;
    const [own] = await Promise.allSettled([this.served.compute.classify(images)]);
    this.#shadows--;
    release();
    if (own.status === "rejected") return heard(answered.length, answered.length);
    heard(answered.length, answered.filter(({ label }, i) => own.value[i]?.label !== label).length);
  }

  #freeIfDone(): void {
    if (this.#retired && this.#leases === 0) this.served.compute.dispose();
  }
}
