/** Sources as the published package has them. */
import { assertEquals, assertThrows } from "@std/assert";
import { trainingCommands } from "../../tools/package/late_imports.ts";
import { rewriteStd } from "../../tools/package/std.ts";
import { rewriteSource } from "../../tools/package/rewrite.ts";

const later = (specifier: string) =>
  `await importLater<typeof import("${specifier}")>(\n  "${specifier}",\n  import.meta.url,\n);`;

Deno.test("the library imports at its start what a checkout loads later", () => {
  assertEquals(
    rewriteSource("src/serving/source.ts", later("../repository/open.ts")),
    'import * as late0 from "../repository/open.ts";await Promise.resolve(late0);',
  );
});

Deno.test("the program loads the commands of training together", () => {
  const table =
    'import("./train.ts"), import("./repository/push.ts"), import("../../src/serve.ts")';
  assertEquals(
    rewriteSource("train/cli/dbn.ts", table),
    'import * as late0 from "./repository/push.ts";' +
      'import("commands:training").then((all) => all.train), Promise.resolve(late0), import("../../src/serve.ts")',
  );
  assertEquals(trainingCommands(table), 'export * as train from "./train.ts";');
});

Deno.test("engines on optional packages stay outside of users' bundles", () => {
  assertEquals(
    rewriteSource("src/engine/open.ts", later("./tfjs.ts")),
    'await importLater("./engine-tfjs.js", import.meta.url);',
  );
});

Deno.test("a module that is loaded later in another form is refused", () => {
  const wrong = [
    'importLater<Routes>("./routes.ts", base)',
    'importLater<typeof import("./a.ts")>(name, import.meta.url)',
    'importLater<typeof import("./a.ts")>("./b.ts", import.meta.url)',
  ];
  for (const text of wrong) {
    assertThrows(() => rewriteSource("src/http/app.ts", text), SyntaxError, "src/http/app.ts: ");
  }
});

Deno.test("workers and files are found from the bundled module", () => {
  assertEquals(
    rewriteSource("src/kernels/runtime/team.ts", 'new URL("./worker.ts", import.meta.url)'),
    'new URL("./kernels-runtime-worker.js", import.meta.url)',
  );
  assertEquals(
    rewriteSource("src/repository/model.ts", "new URL(`../../${released}/`, import.meta.url)"),
    'new URL(`../../${released}/`, import.meta.url.replace(/[^/]*$/, "src/repository/model.ts"))',
  );
});

Deno.test("functions of std copy buffers where a runtime cannot move them", () => {
  const text = rewriteStd(
    "export const resize = (x, n) => new Uint8Array(x.buffer\n  .transfer(n));",
  );
  const run = new Function(
    `${text.replace("export const resize", "const resize")}; return resize;`,
  );
  const resize: (x: { buffer: unknown }, n: number) => Uint8Array = run();
  const { buffer } = Uint8Array.of(1, 2, 3);
  for (const [length, expected] of [[2, [1, 2]], [4, [1, 2, 3, 0]]] as const) {
    const own = buffer.slice(0);
    Object.defineProperty(own, "transfer", { value: undefined });
    assertEquals([...resize({ buffer: own }, length)], [...expected]);
    assertEquals([...resize({ buffer: buffer.slice(0) }, length)], [...expected]);
  }
});

Deno.test("messages name commands as the installed package runs them", () => {
  assertEquals(
    rewriteSource(
      "src/a.ts",
      '"deno task dbn push DIRECTORY, deno task train --preset quick"; ["deno", "task", "dbn", name]; ' +
        '["deno", "task", "export"]; "deno task start --tokens FILE"',
    ),
    '"dbn push DIRECTORY, dbn train --preset quick"; ["dbn", name]; ' +
      '["dbn", "export"]; "dbn serve --tokens FILE"',
  );
});
