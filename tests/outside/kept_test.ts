import { assertEquals, assertRejects } from "@std/assert";
import { kept } from "../../src/outside/kept.ts";

Deno.test("what was opened is kept, and a failure is not", async () => {
  let opened = 0;
  const open = kept(() => {
    opened++;
    return opened === 1 ? Promise.reject(new Error("not yet")) : Promise.resolve(opened);
  });
  const [first, second] = [open(), open()];
  await assertRejects(() => first, Error, "not yet");
  await assertRejects(() => second, Error, "not yet");
  assertEquals([opened, await open(), await open(), opened], [1, 2, 2, 2]);
});
