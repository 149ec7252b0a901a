/**
 * The kernels' WebAssembly instance and its one arena of memory.
 *
 * Weights are allocated once and stay; a call's buffers lie above them and are given back when it
 * ends. Views are taken after every allocation, because growth detaches the old ones.
 * @module
 */
import { threadsRefused } from "../../outside/platform.ts";
import { instantiate, type KernelExports } from "./jobs.ts";
import { program as servingProgram } from "../generated/serving.ts";

const PAGE_BYTES = 65536;
const ALIGNMENT_BYTES = 128;
/** Room for the compiler's own data at the bottom of memory. */
const FIRST_ADDRESS = 4096;
/** 4 GiB less a page: what a 32-bit memory can hold. */
const MAX_BYTES = 65535 * PAGE_BYTES;

const compiled = new Map<string, WebAssembly.Module>();

/** Two WebAssembly modules of the same kernels in base64. */
export interface Program {
  plain: string;
  /** For a memory that workers share. */
  shared: string;
}

/** What an arena is made of. */
export interface ArenaOptions {
  /** @default false */
  shared?: boolean;
  /** The kernels; those of serving if left out. */
  program?: Program;
  /** One of its two modules, compiled. */
  module?: WebAssembly.Module;
}

/** One instance of the kernels with its memory. */
export class Arena {
  readonly kernels: KernelExports;
  readonly isShared: boolean;
  readonly #memory: WebAssembly.Memory;
  readonly #module: WebAssembly.Module;
  #top = FIRST_ADDRESS;
  /** Where memory begins that was never given out, and so is still of zeros. */
  #untouched = FIRST_ADDRESS;

  /** @throws {WebAssembly.LinkError} if `module` is not the kernels, or not for such a memory. */
  constructor(
    { shared = false, program = servingProgram, module = compile(program, shared) }: ArenaOptions =
      {},
  ) {
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_BYTES / PAGE_BYTES, shared });
    this.#module = module;
    this.isShared = shared;
    this.kernels = instantiate(module, this.#memory);
  }

  /** An arena that workers can see; the reason where a platform cannot share memory. */
  static shared(program?: Program): Arena | Error {
    const refused = threadsRefused();
    if (refused !== undefined) return new Error(refused);
    try {
      return new Arena({ shared: true, program });
    } catch (error) {
      // No threads in its WebAssembly, or no room for a memory that must not move.
      const isMissing = error instanceof TypeError || error instanceof RangeError ||
        error instanceof WebAssembly.CompileError;
      if (!isMissing) throw error;
      return error;
    }
  }

  /** What a worker needs for an instance of its own over the same memory. */
  handle(): { module: WebAssembly.Module; memory: WebAssembly.Memory } {
    return { module: this.#module, memory: this.#memory };
  }

  /** Bytes in use. */
  get usedBytes(): number {
    return this.#top;
  }

  /** Room for `count` 32-bit numbers, of zeros. @throws {RangeError} if memory would pass 4 GiB. */
  allocate(count: number): number {
    const address = this.#top;
    const end = Math.ceil((address + 4 * count) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (end > MAX_BYTES) {
      throw new RangeError(
        `Cannot allocate: memory must stay below ${MAX_BYTES} bytes, got ${end}`,
      );
    }
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#top = end;
    const used = Math.min(end, this.#untouched) - address;
    if (used > 0) new Uint8Array(this.#memory.buffer, address, used).fill(0);
    this.#untouched = Math.max(end, this.#untouched);
    return address;
  }

  /** The floats at an address; valid until the next allocation. */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, count);
  }

  /** The integers at an address; valid until the next allocation. */
  integers(address: number, count: number): Int32Array {
    return new Int32Array(this.#memory.buffer, address, count);
  }

  /** The 16-bit integers at an address; valid until the next allocation. */
  shorts(address: number, count: number): Int16Array {
    return new Int16Array(this.#memory.buffer, address, count);
  }

  /** The bytes at an address; valid until the next allocation. */
  bytes(address: number, count: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, count);
  }

  /** Floats copied into the arena, in room for `room` of them. */
  place(data: Float32Array, room = data.length): number {
    const address = this.allocate(room);
    this.floats(address, data.length).set(data);
    return address;
  }

  /** Remembers what is in use; the function it returns gives back all that was allocated since. */
  mark(): () => void {
    const mark = this.#top;
    return () => {
      this.#top = Math.min(this.#top, mark);
    };
  }

  /** Runs `f` and gives back what it allocated. */
  scratch<T>(f: () => T): T {
    const mark = this.#top;
    try {
      return f();
    } finally {
      this.#top = mark;
    }
  }
}

/** A module of a program, compiled once. @throws {WebAssembly.CompileError} where a platform forbids it. */
function compile({ plain, shared }: Program, isShared: boolean): WebAssembly.Module {
  const base64 = isShared ? shared : plain;
  const module = compiled.get(base64) ?? new WebAssembly.Module(bytesOf(base64));
  compiled.set(base64, module);
  return module;
}

/** Bytes of base64. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as Partial<typeof Uint8Array>; // the types say that all platforms have it
  if (fromBase64) return fromBase64.call(Uint8Array, base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
