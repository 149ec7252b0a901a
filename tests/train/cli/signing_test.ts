import { assert, assertEquals } from "@std/assert";
import { readManifest } from "../../../src/format/manifest.ts";
import { describeVersion } from "../../../src/repository/describe_version.ts";
import { saveModel } from "../../../src/repository/model_directory.ts";
import { tinyModel } from "../../model/tiny_model.ts";
import { rfc6979 } from "../../signing/known.ts";
import { type Outcome, run } from "./program.ts";

/** A version with keys beside it, removed in the end. */
async function makeVersion() {
  const directory = await Deno.makeTempDir({ prefix: "a version " });
  const path = `${directory}/tiny/1`;
  await saveModel(path, tinyModel());
  await Deno.mkdir(`${path}/images`);
  await Deno.writeTextFile(`${path}/images/samples.png`, "png");
  const made = await run("keygen", "--out", `${directory}/own`);
  assertEquals(made.code, 0, made.err);
  await Deno.writeTextFile(`${directory}/sec1.pem`, rfc6979.sec1);
  await Deno.writeTextFile(`${directory}/rfc.pem`, rfc6979.spki);
  const dispose = () => Deno.remove(directory, { recursive: true });
  return {
    ...{ directory, path, keys: made.out },
    sign: (key = "own.private") => run("sign", path, "--key", `${directory}/${key}.pem`),
    verify: (...keys: string[]) =>
      run("verify", path, ...keys.flatMap((key) => ["--trusted-key", `${directory}/${key}.pem`])),
    [Symbol.asyncDispose]: dispose,
  };
}

function refused({ code, out, err }: Outcome, message: string, expected = 1) {
  assertEquals([code, out, err.trim().split("\n").length], [expected, "", 1], err);
  assert(err.includes(message), err);
}

Deno.test("a version is signed, verified, signed once, and by another key anew", async () => {
  await using version = await makeVersion();
  const { path, directory } = version;
  const fingerprint = /key ([0-9a-f]{64})\n$/.exec(version.keys)![1];
  refused(await version.verify("own.public"), "it has no model.sig: sign it with dbn sign");

  const signed = await version.sign();
  assertEquals(
    [signed.code, signed.out],
    [0, `${path}: signed by key ${fingerprint}\n`],
    signed.err,
  );
  const verified = await version.verify("rfc", "own.public");
  assertEquals(
    [verified.code, verified.out],
    [
      0,
      `${path}: version 1 of tiny, 5 files, signed by key ${fingerprint} (${directory}/own.public.pem)\n`,
    ],
    verified.err,
  );
  refused(
    await version.verify("rfc"),
    `it is signed by the key "${fingerprint}", which must be one`,
  );

  const before = await Deno.readFile(`${path}/model.sig`);
  assertEquals((await version.sign()).out, `${path}: is signed already by key ${fingerprint}\n`);
  assertEquals(await Deno.readFile(`${path}/model.sig`), before);

  await Deno.writeTextFile(`${path}/images/samples.png`, "PNG");
  refused(await version.verify("own.public"), '"images/samples.png" must have the signed SHA-256');
  assertEquals((await version.sign("sec1")).code, 0);
  assertEquals((await version.verify("rfc")).code, 0);
  await Deno.writeTextFile(`${path}/more.txt`, "more");
  refused(await version.verify("rfc"), '"more.txt" is not signed');
  await Deno.remove(`${path}/more.txt`);
  await Deno.remove(`${path}/images/samples.png`);
  refused(await version.verify("rfc"), '"images/samples.png" is signed and must be there');
});

Deno.test("signing writes a manifest again that is there, and verifying compares it", async () => {
  await using version = await makeVersion();
  const { path } = version, manifest = `${path}/manifest.json`;
  await Deno.writeFile(manifest, (await describeVersion(path)).bytes);
  const { code, out, err } = await version.sign("sec1");
  assertEquals(code, 0, err);
  const written = await Deno.readFile(manifest), expected = await describeVersion(path);
  assertEquals(written, expected.bytes);
  assert(readManifest(written).files.some(({ path }) => path === "model.sig"));
  assert(
    out.endsWith(`wrote manifest.json again: the version's digest is ${expected.digest}\n`),
    out,
  );
  assertEquals((await version.verify("rfc")).code, 0);

  const old = new TextDecoder().decode(written);
  await Deno.writeTextFile(manifest, old.replace(/("config.json",\s+"size": )\d+/, "$15"));
  refused(await version.verify("rfc"), 'differs in "config.json"; write it again with dbn sign');
  await Deno.writeTextFile(manifest, old.replace('"version": 1', '"version": 7'));
  refused(await version.verify("rfc"), 'differs in "version"');
  assertEquals((await version.sign("sec1")).code, 0);
  assertEquals(await Deno.readTextFile(manifest), old);
});

Deno.test("keys are new files, and the private one is its owner's alone", async () => {
  await using version = await makeVersion();
  const { directory } = version, own = `${directory}/own.private.pem`;
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(own)).mode! & 0o777, 0o600);
  const before = await Deno.readTextFile(own);
  refused(await run("keygen", "--out", `${directory}/own`), `${own} exists; a key is never`, 2);
  await Deno.remove(`${directory}/own.public.pem`);
  refused(await run("keygen", "--out", `${directory}/own`), `${own} exists; a key is never`, 2);
  assertEquals(await Deno.readTextFile(own), before);
  refused(await run("keygen", "--out", `${directory}/none/x`), "--out: cannot write", 2);
});

Deno.test("what signing and verifying need is asked for, and told when it is wrong", async () => {
  await using version = await makeVersion();
  const { path, directory } = version;
  refused(await run("sign"), "--key must be given: PEM file of the private key", 2);
  refused(await run("sign", "--key", "x"), "DIRECTORY must be given: the version", 2);
  refused(await run("verify", path), "--trusted-key must be given: PEM file of public keys", 2);
  refused(await run("keygen"), "--out must be given", 2);
  refused(await version.sign("none"), `Cannot read key ${directory}/none.pem: it does not exist`);
  refused(await version.sign("own.public"), "it must be one private key as PEM, got PUBLIC KEY");
  refused(await version.verify("own.private"), "public keys as PEM, got PRIVATE KEY");
  await Deno.mkdir(`${directory}/folder.pem`);
  refused(await version.sign("folder"), "folder.pem: it must be a regular file");
  await Deno.remove(`${path}/config.json`);
  refused(await version.sign(), "config.json does not exist");
});
