import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cut, shown, shownUrl, visible } from "../../src/outside/shown.ts";

const marks = "\u0007\u001b\u0085\u009b\u202e\u2066\u2028\ufeff";
const escaped = "\\u{7}\\u{1b}\\u{85}\\u{9b}\\u{202e}\\u{2066}\\u{2028}\\u{feff}";

Deno.test("controls, bidirectional marks and line separators are shown by their numbers", () => {
  assertEquals(visible(`a${marks}ü😀`), `a${escaped}ü😀`);
  assertEquals(cut(`a${marks}`), `a${escaped}`);
  assertEquals(shown({ name: "\u202e\n\ud800" }), '{"name":"\\u{202e}\\n\\ud800"}');
});

Deno.test("whatever is shown is short, is Unicode, and holds nothing that a terminal obeys", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 400 }),
    fc.string({ unit: fc.constantFrom("\u202e", "😀", "\ud83d", "a"), maxLength: 400 }),
  );
  fc.assert(fc.property(texts, (text) => {
    for (const kept of [cut(text), shown([text])]) {
      assert(kept.length <= 201 && kept.isWellFormed(), kept);
      assertEquals(kept, visible(kept));
    }
  }));
  assertEquals(cut("a".repeat(200)), "a".repeat(200));
  assertEquals(cut("a".repeat(201)), `${"a".repeat(200)}…`);
});

Deno.test("a value nested deeply is shown shortly", () => {
  let deep: unknown = [];
  for (let i = 0; i < 100_000; i++) deep = [deep];
  assert(shown(deep).length <= 201);
});

Deno.test("a URL is shown without its password, a file's by its path", () => {
  assertEquals(shownUrl(new URL("https://me:secret@host/m/a%20b")), "https://host/m/a%20b");
  assertEquals(shownUrl(new URL("file:///m/a%20%1b%C3%BC")), "/m/a \\u{1b}ü");
  assertEquals(shownUrl(new URL("file:///C:/m")), "C:/m");
  assertEquals(shownUrl(new URL("file:///m/%ff")), "/m/%ff");
});
