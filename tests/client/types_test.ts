import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { testUserCode } from "./user_code.ts";

Deno.test(
  "code of users type-checks where it is right, and where it is wrong the compiler says why",
  testUserCode,
);

Deno.test("the client needs nothing of the server and its kernels, types included", async () => {
  const root = new URL("../../", import.meta.url).pathname;
  const found = new Set<string>(), waiting = ["src/client/create_client.ts"];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    const text = await Deno.readTextFile(join(root, path));
    for (const [, specifier] of text.matchAll(/from "(\.[^"]+)"/g)) {
      waiting.push(join(dirname(path), specifier));
    }
  }
  assert(found.has("src/api/answers.ts") && found.has("src/client/exchange.ts"));
  const foreign = /^src\/(http|serving|compute|kernels|repository|signing)\/|engine\/engine\.ts/;
  assertEquals([...found].filter((path) => foreign.test(path)), []);
});
