import { assertEquals, assertRejects } from "@std/assert";
import { fetchFailure } from "../../src/outside/fetch_failure.ts";
import { systemFailure } from "../../src/outside/system_failure.ts";

Deno.test("why a service is not reached is the system's reason, without the URL", async () => {
  const { port } = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return listener.addr;
  })();
  const error = await assertRejects(() => fetch(`http://127.0.0.1:${port}/secret`), TypeError);
  assertEquals(
    fetchFailure(error).replace(/ \(os error \d+\)$/, ""),
    "client error (Connect): tcp connect error: Connection refused",
  );
});

Deno.test({
  name: "a file that may not be written tells where permissions are told",
  permissions: { write: false },
  async fn() {
    const error = await assertRejects(() => Deno.writeTextFile("x", ""), Deno.errors.NotCapable);
    assertEquals(
      systemFailure(error),
      'Requires write access to "x"; `deno task start` may write to models alone: see docs/repositories.md',
    );
  },
});
