/** Tasks on one thread: by turns, or one after the other. */
import { assertEquals } from "@std/assert";
import { Turns } from "../../src/compute/turns.ts";

/** Tasks that write their name `pieces` times, with a pause after each. */
function writers(turns: Turns, names: string, pieces: number, out: string[]): void {
  for (const name of names) {
    turns.start("long", async () => {
      for (let i = 0; i < pieces; i++) {
        out.push(name);
        await turns.pause();
      }
    });
  }
}

async function steps(turns: Turns, count = Infinity): Promise<void> {
  for (let i = 0; i < count && await turns.step();) i++;
}

Deno.test("long tasks go on by turns", async () => {
  const turns = new Turns(), out: string[] = [];
  writers(turns, "abc", 3, out);
  await steps(turns);
  assertEquals(out.join(""), "abcabcabc");
  assertEquals(turns.tasks, 0);
});

Deno.test("when drained they end in the order in which they began", async () => {
  const turns = new Turns(), out: string[] = [];
  writers(turns, "abc", 3, out);
  await steps(turns, 5);
  turns.drain();
  await steps(turns);
  assertEquals(out.join(""), "abcab" + "a" + "b" + "cc");
  assertEquals(turns.tasks, 0);
});

Deno.test("a task that waited for something from outside keeps its place in that order", async () => {
  const turns = new Turns(), out: string[] = [];
  turns.start("long", async () => {
    await turns.waitFor(Promise.resolve());
    await turns.pause();
    out.push("a");
  });
  writers(turns, "bc", 2, out);
  turns.drain();
  while (turns.tasks > 0) if (!await turns.step()) await Promise.resolve();
  assertEquals(out.at(-1), "c");
  assertEquals(out.indexOf("a") < out.indexOf("c"), true);
});
