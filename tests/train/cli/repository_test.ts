/** The commands push, versions, promote, rollback, pull and token, against a service in this process. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { MODEL, tokens } from "../../http/repository/harness.ts";
import { makeModel, startService } from "../../client/harness.ts";
import { dbn, root } from "./program.ts";

/** Runs `dbn` with a token in its environment. */
async function run(args: string[], env: Record<string, string> = { DBN_TOKEN: tokens.all.token }) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...dbn, ...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

/** Where nothing listens. */
function unusedOrigin(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** Gives a model directory the figures of a training. */
async function addFigures(path: string, percent: number): Promise<void> {
  const file = `${path}/config.json`, config = JSON.parse(await Deno.readTextFile(file));
  const rate = { wrong: 100 * percent, percent, interval: [percent - 0.1, percent + 0.1] };
  const evaluation = { images: 10_000, classifier: rate, samples: { readError: 3.25 } };
  await Deno.writeTextFile(file, JSON.stringify({ ...config, evaluation }, null, 2));
}

Deno.test("push shows what changes, sends it, and moves the alias", async () => {
  await using service = startService();
  await using old = await makeModel({ name: MODEL, version: 2, seed: 1 });
  await using next = await makeModel({ name: "digits-quick", version: 1, seed: 2 });
  await addFigures(old.path, 0.46);
  await addFigures(next.path, 1.95);
  const first = await run(["push", old.path, "--to", service.to, "--alias", "production"]);
  assertEquals(first.code, 0, first.err);
  assertMatch(first.out, /^digits\/2 → digits\/2 of http/);
  const second = await run(["push", next.path, "--alias=production", `--to=${service.to}`]);
  assertEquals([second.code, second.err], [0, ""]);
  const { out } = second;
  assertMatch(out, /^digits-quick\/1 → digits\/3 of http/);
  assertMatch(out, /its config\.json will say the name digits and the version 3/);
  assertMatch(out, /digits\/2, production +digits\/3, new/);
  assertMatch(
    out,
    /classifier +0\.46 % \(0\.36 – 0\.56\), 46 wrong +1\.95 % \(1\.85 – 2\.05\), 195/,
  );
  assertMatch(out, /samples\.readError +3\.25 +3\.25/);
  assertMatch(out, /size +[\d.]+ kB +[\d.]+ kB/);
  assertMatch(out, /pushed digits\/3: 4 files, [\d.]+ kB sent; its digest is [0-9a-f]{64}/);
  assertMatch(out, /production of digits is version 3\n$/);
  assertEquals(service.models.production, 3);
  const again = await run(["push", next.path, "--alias=production", `--to=${service.to}`]);
  assertMatch(again.out, /the service has this version\ndigits\/3 was there/);
  assertEquals((await service.repository.history(MODEL)).length, 2);
});

Deno.test("a canary is promoted, production rolled back, and versions tell of it", async () => {
  await using service = startService();
  for (const [seed, alias] of [[1, "--alias=production"], [2, "--canary=10"]] as const) {
    await using model = await makeModel({ name: MODEL, version: seed, seed });
    const { code, err } = await run(["push", model.path, `--to=${service.to}`, alias]);
    assertEquals([code, err], [0, ""]);
  }
  const listed = await run(["versions", "--from", service.to], {});
  assertMatch(listed.out, /digits\/1 +[0-9a-f]{12} +[\d.]+ kB +ready +production\n/);
  assertMatch(listed.out, /digits\/2 .* candidate \(10 % of requests\)\n/);
  const env = { DBN_TOKEN: tokens.promote.token, DBN_SERVICE: service.to };
  const promoted = await run(["promote"], env);
  assertEquals([promoted.out, promoted.err], ["production of digits: 1 → 2\n", ""]);
  assertEquals((await run(["promote"], env)).code, 1);
  const back = await run(["rollback"], env);
  assertEquals([back.out, service.models.production], ["production of digits: 2 → 1\n", 1]);
  const json = JSON.parse((await run(["versions", "--json"], env)).out);
  assertEquals(
    json.aliases.map(({ alias, version }: { alias: string; version: number }) => [
      ...[alias, version],
    ]),
    [["production", 1]],
  );
  const by = (await service.repository.history(MODEL)).map(({ by }) => by);
  assertEquals(by.slice(0, 3), ["promoter", "promoter", "promoter"]);
});

Deno.test("a pulled version is the pushed one, checked, and pulled once", async () => {
  await using service = startService();
  await using model = await makeModel({ name: MODEL, version: 4 });
  await Deno.mkdir(`${model.path}/images`);
  await Deno.writeTextFile(`${model.path}/images/a.png`, "png");
  await run(["push", model.path, "--to", service.to, "--alias", "production"]);
  const parent = await Deno.makeTempDir(), out = `${parent}/new/4`;
  await Deno.mkdir(`${out}.partial`, { recursive: true });
  await Deno.copyFile(`${model.path}/README.md`, `${out}.partial/README.md`);
  await Deno.writeTextFile(`${out}.partial/config.json`, "half");
  const pulled = await run(["pull", "--from", service.to, "--out", out], {});
  assertEquals([pulled.code, pulled.err], [0, ""]);
  assertMatch(pulled.out, /^pulled digits\/4 to .*: 5 files/);
  for (const file of ["config.json", "model.safetensors", "images/a.png"]) {
    assertEquals(
      await Deno.readFile(`${out}/${file}`),
      await Deno.readFile(`${model.path}/${file}`),
    );
  }
  const names = (await Array.fromAsync(Deno.readDir(`${parent}/new`))).map(({ name }) => name);
  assertEquals(names, ["4"]);
  for (const which of ["4", "production", `${MODEL}/4`]) {
    const again = await run(["pull", which, "--from", service.to, "--out", out], {});
    assertMatch(again.out, /is digits\/4 already/, again.err);
  }
  const other = await run(["pull", "5", "--from", service.to, "--out", `${parent}/5`], {});
  assertMatch(other.err, /the service has no version digits\/5/);
  await Deno.writeTextFile(`${out}/README.md`, "mine");
  const kept = await run(["pull", "4", "--from", service.to, "--out", out], {});
  assertEquals([kept.code, await Deno.readTextFile(`${out}/README.md`)], [2, "mine"]);
  const elsewhere = await run(["pull", "4", "--from", service.to, "--out", parent], {});
  assertEquals(elsewhere.code, 2);
  assertMatch(elsewhere.err, /the directory must be new, empty or digits\/4; it holds something/);
  await Deno.remove(parent, { recursive: true });
});

Deno.test("what cannot be is told in one line, with the code of its kind, and no token", async () => {
  await using service = startService();
  await using model = await makeModel();
  const { token } = tokens.all, file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `${tokens.promote.token}\n`);
  const to = `--to=${service.to}`, nowhere = unusedOrigin();
  const cases: [string[], number, RegExp, Record<string, string>?][] = [
    [["push", model.path, to], 1, /401: A token is needed: .* none was sent \(DBN_TOKEN or/, {}],
    [["push", model.path, to], 1, /401: The token is none that/, { DBN_TOKEN: `${token}x` }],
    [["push", model.path, to], 2, /^error: DBN_TOKEN: A token must be/, { DBN_TOKEN: "a token" }],
    [["versions", "--from", "localhost:1"], 2, /^error: --from: .* got "localhost:1"/],
    [["versions", `--from=${nowhere}`], 1, /Connection refused .*; is a service running there\?/],
    [["token", "--name", "a b"], 2, /--name must be .*, got "a b"/],
    [["push", model.path, to, "--token-file", file], 1, /promoter must have the scope push/],
    [["push", model.path, to, "--token-file", `${file}x`], 2, /--token-file .*x: /],
    [["push", model.path, to, "--canary", "10", "--alias", "production"], 2, /leave out --alias/],
    [["push", model.path, to, "--canary", "101"], 2, /--canary must be a number in \[0, 100\]/],
    [["push", `${model.path}/none`, to], 1, /config\.json does not exist/],
    [["push", to], 2, /DIRECTORY must be given/],
    [
      ["push", model.path, "--to", `https://me:${token}@x`],
      2,
      /--to: A service's address .*digits\.example$/m,
    ],
    [["push", model.path, to, "--as", "a/b/c"], 1, /must be NAME or NAME\/VERSION, got "a\/b\/c"/],
    [["push", model.path, to, "--as", "7"], 1, /must be NAME or NAME\/VERSION, got the number 7/],
    [["rollback", to], 1, /named no other version before/],
    [["pull", "candidate", `--from=${service.to}`], 2, /has no alias "candidate"; there are none/],
  ];
  const results = await Promise.all(cases.map(([args, , , env]) => run(args, env)));
  results.forEach(({ code, out, err }, i) => {
    const [args, expected, message] = cases[i];
    assertEquals(code, expected, `${args} ${out} ${err}`);
    assertMatch(err, message);
    assertEquals(err.trim().split("\n").length, 1, err);
    assert(!(out + err).includes(token) && !(out + err).includes(tokens.promote.token));
  });
  assertEquals((await service.repository.versions(MODEL)).length, 0);
});

Deno.test("a refused version is there and not served, and the reason is told", async () => {
  await using service = startService();
  await using model = await makeModel({ name: MODEL, version: 2 });
  service.models.bad.set(2, "image 5 of the probe has other probabilities");
  const { code, err } = await run(["push", model.path, "--to", service.to, "--alias=production"]);
  assertEquals(code, 1);
  assertMatch(err, /HTTP status 422: image 5 of the probe has other probabilities/);
  const listed = await run(["versions", `--from=${service.to}`], {});
  assertMatch(listed.out, /^version .* aliases +why\ndigits\/2 .* refused +image 5 of the probe/);
  const state = await service.app.request(`/v2/models/${MODEL}/versions/2`);
  const { status, reason } = await state.json();
  assertEquals([status, reason], ["refused", service.models.bad.get(2)]);
  assertEquals((await service.repository.aliases(MODEL)).length, 0);
});

Deno.test("an alias of a model that is not served is warned of", async () => {
  await using service = startService();
  await using model = await makeModel({ name: MODEL, version: 1 });
  const args = ["push", model.path, `--to=${service.to}`, "--as=other/1", "--alias=production"];
  const { code, out, err } = await run(args);
  assertEquals(code, 0, err);
  assertMatch(out, /production of other is version 1\n$/);
  assertMatch(err, /^warning: the service serves digits, so that no request will go to other;/);
});
