import { assert, assertEquals } from "@std/assert";

Deno.test("the serverless example answers as the server does", async () => {
  const { default: handler } = await import("./examples/serverless.ts");
  const request = () => new Request("http://localhost/generate?label=3&n=2&seed=1&steps=20");
  const first = await handler.fetch(request()), second = await handler.fetch(request());
  assertEquals(first.headers.get("content-type"), "image/png");
  assertEquals(await first.bytes(), await second.bytes());
});

Deno.test("the library example dreams threes", async () => {
  const example = new URL("./examples/library.ts", import.meta.url).pathname;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", example],
    cwd: new URL("..", import.meta.url).pathname,
  }).output();
  assert(success);
  const read = /read as: ([\d ]+)/.exec(new TextDecoder().decode(stdout))![1].split(" ");
  assert(read.filter((label) => label === "3").length >= 14, read.join(" "));
});

Deno.test("the README shows the examples as they are", async () => {
  const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  for (const name of ["serverless", "library"]) {
    const source = await Deno.readTextFile(new URL(`./examples/${name}.ts`, import.meta.url));
    const code = source.slice(source.indexOf("*/\n") + 3).trim()
      .replace("../../mod.ts", "@dbn-edge/dbn-edge");
    assert(readme.includes(code), `README.md lacks tests/examples/${name}.ts:\n${code}`);
  }
});
