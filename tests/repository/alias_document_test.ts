import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  aliasBounds,
  type AliasDocument,
  applyMove,
  emptyDocument,
  listAliases,
  readAliases,
  writeAliases,
} from "../../src/repository/alias_document.ts";
import { CorruptFileError, RepositoryUnreachableError } from "../../src/repository/errors.ts";
import { pollChanges } from "../../src/repository/poll.ts";

const at = new Date("2026-11-25T12:00:00Z");

function move(document: AliasDocument, alias: string, version: number | null, by = "me") {
  return applyMove(document, alias, { version, by, at }).document;
}

Deno.test("aliases are read as they were written, whatever their names and movers", () => {
  let document = emptyDocument("digits");
  const movers = ["ci", "", "ü\n\u202e\ud800", "x".repeat(300), '"}],"aliases":[]'];
  for (const [i, by] of movers.entries()) document = move(document, `a${i}`, i + 1, by);
  document = move(document, "a0", null);
  document.removing.push({ version: 9, since: at.toISOString() });
  assertEquals(readAliases(writeAliases(document), "digits"), document);
  assertEquals(listAliases(document).map(({ alias }) => alias), ["a1", "a2", "a3", "a4"]);
  assertEquals(document.history[1].by, '"}],"aliases":[]');
  assertEquals(document.history[2].by, "x".repeat(aliasBounds.maxByLength));
});

Deno.test("history keeps its newest moves, and its file stays within its bound", () => {
  let document = emptyDocument("digits");
  const alias = "a".repeat(64), by = "\u0001".repeat(100); // six bytes each, as JSON has them
  for (let i = 1; i <= aliasBounds.maxMoves + 20; i++) {
    document = move(document, alias, 2 ** 31 - 1 - (i % 2), by);
  }
  assertEquals(document.history.length, aliasBounds.maxMoves);
  assertEquals(document.aliases[0].revision, aliasBounds.maxMoves + 20);
  assertEquals(readAliases(writeAliases(document), "digits"), document);
});

Deno.test("a model has at most 64 aliases, and names that were removed keep no new one out", () => {
  let document = emptyDocument("digits");
  for (let i = 0; i < aliasBounds.maxAliases; i++) document = move(document, `a${i}`, 1);
  assertThrows(() => move(document, "more", 1), RangeError, "at most 64");
  document = move(document, "a7", null);
  assertEquals(listAliases(move(document, "a7", 1)).length, 64);
  document = move(document, "more", 1);
  assertEquals(listAliases(document).length, 64);
  assertThrows(() => move(document, "a7", 1), RangeError, "at most 64");
  assertEquals(readAliases(writeAliases(document), "digits"), document);
});

Deno.test("an alias never has a revision twice, however many names come and go", () => {
  const seen = new Set<string>();
  let document = emptyDocument("digits");
  for (let i = 0; i < 3000; i++) {
    const name = `a${i * i % 97}`, isThere = listAliases(document).some((a) => a.alias === name);
    document = move(document, name, isThere && i % 3 > 0 ? null : 1);
    const { revision } = document.aliases.find(({ alias }) => alias === name)!;
    assertEquals(seen.has(`${name} ${revision}`), false, `${name} has revision ${revision} again`);
    seen.add(`${name} ${revision}`);
    for (const { alias } of listAliases(document).slice(40)) document = move(document, alias, null);
    for (const { alias, revision } of document.aliases) seen.add(`${alias} ${revision}`);
    assertEquals(document.aliases.length <= aliasBounds.maxAliases, true);
  }
});

Deno.test("polling yields at once and at changes, and outlives a store that does not answer", async () => {
  const abort = new AbortController();
  const looks: (string | Error)[] = [
    ...["a", "a", "b", new RepositoryUnreachableError("away"), new CorruptFileError("broken")],
    ...["b", "a"],
  ];
  const seen: number[] = [];
  let count = 0;
  const look = () => {
    const next = looks[count++];
    if (count >= looks.length) setTimeout(() => abort.abort());
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? "a");
  };
  for await (const _ of pollChanges(look, { intervalMs: 2, signal: abort.signal })) {
    seen.push(count);
  }
  assertEquals(seen, [1, 3, 7]);
  const fail = () => Promise.reject(new TypeError("a fault of ours"));
  const failing = pollChanges(fail, { intervalMs: 2, signal: new AbortController().signal });
  await assertRejects(() => failing.next(), TypeError);
});

Deno.test("polling waits 0.8 to 1.2 times its interval", async () => {
  const abort = new AbortController(), times: number[] = [];
  const look = () => {
    times.push(performance.now());
    if (times.length === 12) abort.abort();
    return Promise.resolve(String(times.length));
  };
  for await (const _ of pollChanges(look, { intervalMs: 40, signal: abort.signal }));
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  assertEquals(gaps.filter((gap) => gap < 31), []);
  assertEquals(new Set(gaps.map((gap) => Math.round(gap))).size > 3, true, String(gaps));
});
