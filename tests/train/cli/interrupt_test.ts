/** Ctrl-C while a version is written from another: nothing is left of it. */
import { assert, assertEquals } from "@std/assert";
import { releasedModel } from "../../../src/repository/model_directory.ts";
import { npy, npz } from "../imports/files.ts";
import { dbn, root, shellEnvironment } from "./program.ts";

const zeros = (...shape: number[]) =>
  npy({ shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) });
const place = await Deno.makeTempDir({ prefix: "interrupted " });
const parameters = { a: zeros(784, 9), b: zeros(9), c: zeros(9, 10), d: zeros(10) };
await Deno.writeFile(`${place}/keras.npz`, await npz(parameters));

const isThere = (path: string) => {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
};

const commands: Record<string, string[]> = {
  import: ["import", `${place}/keras.npz`, "--from", "keras", "--activation", "relu"],
  export: ["export", "--model", releasedModel.replace(/\d+$/, "2"), "--dtype", "f16"],
};

for (const [name, args] of Object.entries(commands)) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`${signal} while dbn ${name} writes leaves nothing of the version`, async () => {
      const out = `${place}/${name}/${signal}/1`,
        { promise, resolve } = Promise.withResolvers<void>();
      const child = new Deno.Command(Deno.execPath(), {
        args: [...dbn, ...args, "--out", out],
        ...{ cwd: root, env: shellEnvironment, stdout: "piped", stderr: "piped" } as const,
      }).spawn();
      const output = child.output().finally(resolve);
      const watch = setInterval(() => {
        if (isThere(`${place}/${name}/${signal}/.1.partial`)) resolve();
      }, 1);
      await promise;
      clearInterval(watch);
      child.kill(signal);
      const { code, stderr } = await output, text = new TextDecoder().decode(stderr);
      assertEquals(code, 130, text);
      assert(text.includes(`interrupted; ${out} is not written`), text);
      assert(!isThere(`${place}/${name}`));
    });
  }
}
