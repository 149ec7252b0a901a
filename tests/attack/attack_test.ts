/** A short slice of `deno task attack`, and faults that it must find. */
import { assert, assertEquals } from "@std/assert";
import { exitCodes } from "../../src/cli/command.ts";
import { residentBytes } from "../resident.ts";
import { delay } from "../serving/running_server.ts";
import { attack } from "./attack.ts";
import { attackReader } from "./files.ts";
import { checkLog, endOf, faultOf } from "./http.ts";
import { CaseRandom } from "./random.ts";
import { Report } from "./report.ts";
import { requestOf } from "./requests.ts";

Deno.test("malformed requests and broken pictures are answered clearly, and the server goes on", async () => {
  const report = await attack({
    seed: 1,
    counts: { http: 1500, pictures: 200, models: 0, checkpoints: 0, versions: 0 },
  });
  assertEquals(report.failures, [], report.summary());
  for (const status of ["200", "400", "404", "405", "415", "422"]) {
    assert(report.countOf("http", status) > 0, `no request got ${status}`);
  }
  assert(report.countOf("pictures", "200") > 0);
  assert(report.countOf("pictures", "422") > 0);
});

Deno.test("mutated models and checkpoints are refused clearly, or harmless", async () => {
  const report = await attack({
    seed: 1,
    counts: { http: 0, pictures: 0, models: 400, checkpoints: 250, versions: 0 },
  });
  assertEquals(report.failures, [], report.summary());
  for (const part of ["models", "checkpoints"] as const) {
    assert(report.countOf(part, "accepted") > 0, `none of the ${part} was accepted`);
    assert(report.countOf(part, "refused") > 100, `too few of the ${part} were refused`);
  }
});

Deno.test("mutated versions are refused clearly, or harmless, and production goes on", async () => {
  const counts = { http: 0, pictures: 0, models: 0, checkpoints: 0, versions: 200 };
  const report = await attack({ seed: 1, counts });
  assertEquals(report.failures, [], report.summary());
  assert(report.countOf("versions", "accepted") > 0);
  assert(report.countOf("versions", "refused") > 100);
});

Deno.test("a case is the same whatever ran before it, and another seed has other cases", () => {
  const bytes = (seed: number) => requestOf(new CaseRandom(seed, "http", 17), 17).bytes;
  const first = bytes(1);
  assertEquals(bytes(1), first);
  assert(bytes(2).join() !== first.join());
});

Deno.test("a 500, a long message and a stack in an answer are faults; a clear refusal is none", () => {
  const answer = (status: number, body: string) => faultOf({ status, body, reusable: true });
  assert(answer(500, "{}")!.includes("status 500"));
  assert(answer(422, "x".repeat(1025))!.includes("1025 bytes"));
  assert(answer(400, "Error: x\n    at read (file:///a.ts:1:2)")!.includes("a stack"));
  assertEquals(answer(422, '{"detail":"Image 0 must have 784 pixels, got 0"}'), undefined);
  assertEquals(answer(200, "x".repeat(5000)), undefined);
});

Deno.test("a stack in the log is a fault of the case that its request id names", () => {
  const report = new Report(1);
  const error = JSON.stringify({
    requestId: "case-42",
    error: "Error: x\n    at f (file:///a.ts:1:2)",
  });
  checkLog(report, "http", `${error}\n{"requestId":"case-43","status":422}\n`);
  assertEquals(report.failures.map(({ index }) => index), [42]);
  assert(report.summary().includes("--only http --seed 1 --case 42"));
});

Deno.test("an error that is no refusal is a fault", async () => {
  const report = new Report(1);
  const outcomes = [
    () => Promise.resolve(),
    () => Promise.reject(new RangeError("file.bin must be whole")),
    () => Promise.reject(new TypeError("x is undefined")),
  ];
  let next = 0;
  await attackReader(report, "models", {
    first: 0,
    count: outcomes.length,
    signal: new AbortController().signal,
  }, {
    attempt: () => outcomes[next++](),
    isRefusal: (error) => error.message.includes("file.bin"),
  });
  assertEquals(report.countOf("models", "accepted"), 1);
  assertEquals(report.countOf("models", "refused"), 1);
  assertEquals(report.failures.map(({ index }) => index), [2]);
});

Deno.test("memory that grows late by more than the bound is a fault", () => {
  const report = new Report(1), mib = 2 ** 20;
  report.memory("http", { third: 200 * mib, last: 220 * mib }, 9);
  report.memory("pictures", undefined, 9);
  assertEquals(report.failures, []);
  report.memory("http", { third: 200 * mib, last: 230 * mib }, 9);
  assertEquals(report.failures.length, 1);
});

Deno.test("an attacked server that ends by itself is reported with its signal and last lines", async () => {
  const killed = (_part: string, pid: number) => {
    setTimeout(() => Deno.kill(pid, "SIGKILL"), 300);
  };
  const counts = { http: 1_000_000, pictures: 0, models: 0, checkpoints: 0, versions: 0 };
  const report = await attack({ seed: 1, counts, onServer: killed });
  assertEquals(report.failures.length, 1, report.summary());
  assert(
    report.failures[0].reason.includes("the server ended by SIGKILL"),
    report.failures[0].reason,
  );
  const exit = { success: false, code: 70, signal: null };
  assert(endOf(exit, "first\nsecond\n").includes("with code 70; its last lines:\n      first\n"));
});

for (const part of ["http", "checkpoints"]) {
  Deno.test(`Ctrl-C ends an attack by ${part}, its server and its temporary files`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "attack-test-" });
    const child = new Deno.Command(Deno.execPath(), {
      args: ["task", "attack", "--only", part],
      cwd: new URL("../../", import.meta.url).pathname,
      env: { TMPDIR: directory, NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    const files = () => [...Deno.readDirSync(directory)].map(({ name }) => name);
    while (!files().some((name) => name.startsWith("attack-"))) await delay(20);
    await delay(1500); // within the attack
    const interrupted = performance.now();
    child.kill("SIGINT");
    child.kill("SIGINT"); // as a terminal, which tells the whole group
    const { code, stdout, stderr } = await output;
    const text = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
    assertEquals(code, exitCodes.interrupted, text);
    assert(performance.now() - interrupted < 8_000);
    assert(text.includes("0 failures"), text);
    assertEquals(files(), []);
    const pid = /server of process (\d+)/.exec(text)?.[1];
    assertEquals(pid !== undefined, part === "http");
    if (pid) assertEquals(await residentBytes(Number(pid)), undefined);
    await Deno.remove(directory);
  });
}
