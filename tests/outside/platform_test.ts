/** What differs between platforms, with their globals in place of Deno's. */
import { assertEquals, assertRejects } from "@std/assert";
import { importLater, NotInBundleError } from "../../src/outside/import_later.ts";
import {
  hasFiles,
  importBuiltin,
  pathUrl,
  processorCount,
  readVariable,
  threadsRefused,
} from "../../src/outside/platform.ts";

/** Runs `work` while globals have other values, undefined where they are missing. */
async function withGlobals<T>(
  globals: Record<string, unknown>,
  work: () => T | Promise<T>,
): Promise<T> {
  const own = Object.keys(globals).map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  );
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  try {
    return await work();
  } finally {
    for (const [name, descriptor] of own) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else Reflect.deleteProperty(globalThis, name);
    }
  }
}

const node = (version: string) => ({
  Deno: undefined,
  navigator: undefined,
  process: {
    versions: { node: version, v8: "11.3" },
    env: { NAME: "value" },
    getBuiltinModule: () => ({ availableParallelism: () => 3 }),
  },
});
const page = {
  Deno: undefined,
  process: undefined,
  navigator: { hardwareConcurrency: 8, userAgent: "a browser" },
  location: { href: "https://digits.example/page/index.html" },
};
const workerd = {
  ...node("22.0.0"),
  navigator: { userAgent: "Cloudflare-Workers" },
  location: undefined,
};

Deno.test("Node and Deno have files, a page and workerd have none, whatever it says of Node", async () => {
  assertEquals(hasFiles(), true);
  assertEquals(await withGlobals(node("20.1.0"), hasFiles), true);
  assertEquals(await withGlobals(page, hasFiles), false);
  assertEquals(await withGlobals(workerd, hasFiles), false);
});

Deno.test("a path is found from the page, and refused where there is none", async () => {
  const url = await withGlobals(page, () => pathUrl("model/"));
  assertEquals(url.href, "https://digits.example/page/model/");
  await withGlobals(workerd, async () => {
    await assertRejects(() => pathUrl("model/"), RangeError, "Cannot find model/: this platform");
    await assertRejects(
      () => importBuiltin("node:fs"),
      Error,
      "Cannot load node:fs: this platform",
    );
  });
});

Deno.test("processors and variables are those that the platform tells of", async () => {
  assertEquals(await withGlobals(node("20.16.0"), processorCount), 3);
  assertEquals(await withGlobals(page, processorCount), 8);
  assertEquals(await withGlobals({ ...node("20.1.0"), process: {} }, processorCount), 1);
  assertEquals(await withGlobals(node("20.16.0"), () => readVariable("NAME")), "value");
  assertEquals(await withGlobals(page, () => readVariable("NAME")), undefined);
});

Deno.test("threads are refused by Node 20 and where memory cannot be shared", async () => {
  assertEquals(threadsRefused(), undefined);
  assertEquals(await withGlobals(node("22.1.0"), threadsRefused), undefined);
  assertEquals(
    await withGlobals(node("20.20.2"), threadsRefused),
    "the threads of Node 20.20.2 wait for ever; those of 22 do not",
  );
  assertEquals(
    await withGlobals({ SharedArrayBuffer: undefined }, threadsRefused),
    "SharedArrayBuffer is missing",
  );
});

Deno.test("what a bundle is without is named", async () => {
  await withGlobals(node("22.0.0"), async () => {
    const load = () => importLater("./engine-tfjs.js", "file:///nowhere/bundle.js");
    await assertRejects(load, NotInBundleError, "Cannot load ./engine-tfjs.js: ");
  });
});
