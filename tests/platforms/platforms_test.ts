/**
 * A short part of `deno task platforms`: the packed package in Deno and in the Node that is there. Skipped with
 * a word where npm is missing.
 * @module
 */
import { assertEquals } from "@std/assert";
import { checkServer, examples, expectedAnswers } from "./examples.ts";
import { runHere } from "./measured.ts";
import { runProcess } from "./processes.ts";
import { buildPackage } from "../../tools/package/build.ts";
import { makeProject, readDigits, root } from "./project.ts";
import { denoArgs } from "./run.ts";

async function isThere(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"] }).output()).success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

const hasNode = await isThere("node") && await isThere("npm");
if (!hasNode) console.log("tests of the packed package are skipped: npm is missing");

Deno.test({
  name: "the packed package gives in Deno and in Node the bytes of this checkout",
  ignore: !hasNode,
  async fn(t) {
    const digits = await readDigits(), expected = await runHere(digits);
    const directory = await Deno.makeTempDir();
    const { name, archive } = await buildPackage(root, { hasTypes: false });
    await Deno.writeFile(`${directory}/${name}`, archive);
    const project = await makeProject("npm", `${directory}/${name}`);
    for (const [program, ...args] of [[Deno.execPath(), ...denoArgs], ["node"]]) {
      await t.step(program.split("/").at(-1)!, async () => {
        const { sha256, streamSha256, labels } = await runProcess(program, args, project);
        const { sha256: sha, streamSha256: streamSha, labels: right } = expected;
        assertEquals({ sha256, streamSha256, labels }, {
          sha256: sha,
          streamSha256: streamSha,
          labels: right,
        });
      });
    }
    await t.step("the example of Deno Deploy", async () => {
      const { start } = examples.find(({ runtime }) => runtime === "deno")!;
      await using server = await start({ npm: project, bun: () => Promise.reject(), digits });
      const answers = await expectedAnswers(digits);
      await checkServer(server, digits, { expected: answers });
    });
    for (const folder of [project, directory]) await Deno.remove(folder, { recursive: true });
  },
});
