/**
 * Versions of a repository that a server with trusted keys opens or refuses.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { classify } from "../../src/engine/classify.ts";
import { createReferenceEngine } from "../../src/engine/reference.ts";
import { float32Tolerance, PROBE_FILE, writeProbe } from "../../src/format/probe.ts";
import { writeWeights } from "../../src/format/weights.ts";
import { openRepository } from "../../src/repository/open.ts";
import { loadVersion } from "../../src/serving/load_version.ts";
import { VersionRefusedError } from "../../src/serving/served.ts";
import { SignatureError, type SignatureFault } from "../../src/signing/errors.ts";
import { generateKeys, readPrivateKey, readTrustedKeys } from "../../src/signing/keys.ts";
import { signatureCheck, signVersion } from "../../src/signing/version.ts";
import { tinyModel } from "../model/tiny_model.ts";
import { bytesOf, type Contents, describe, push } from "../repository/conformance.ts";
import { rfc6979 } from "../signing/known.ts";

const own = await readPrivateKey(rfc6979.sec1, "own.pem");
const trusted = await readTrustedKeys(rfc6979.spki, "trusted.pem");
const checkSignature = signatureCheck(trusted);

/** The files of a model that answers its probe. */
async function filesOf(seed: number): Promise<Contents> {
  const model = tinyModel({ seed }), images = new Float32Array(2 * 784).fill(seed / 9);
  const answers = await classify(createReferenceEngine(model), images);
  const rows = (of: (answer: typeof answers[number]) => Iterable<number>) =>
    Float32Array.from(answers.flatMap((answer) => [...of(answer)]));
  const weights = writeWeights(model);
  return {
    "config.json": JSON.stringify(model.config),
    "model.safetensors": weights.dbn,
    "classifier.safetensors": weights.classifier,
    [PROBE_FILE]: writeProbe({
      images,
      classifier: rows(({ classifier }) => classifier.probabilities),
      joint: rows(({ joint }) => joint.probabilities),
      freeEnergies: rows(({ joint }) => joint.freeEnergies),
      tolerance: float32Tolerance,
    }, 784),
  };
}

async function signatureOf(files: Contents, key = own): Promise<Uint8Array> {
  const { files: described } = await describe(files, { model: "tiny", version: 1 });
  return await signVersion({ subject: "tiny/1", files: described }, key);
}

const signed = await filesOf(1), other = await filesOf(2);
const signature = await signatureOf(signed);
const stranger = await readPrivateKey((await generateKeys()).privateKey, "stranger.pem");

/** Loads version 1 of `tiny` from a repository where it has these files. */
async function load(files: Contents, check = checkSignature) {
  const directory = await Deno.makeTempDir({ prefix: "signed " });
  try {
    const repository = await openRepository(directory);
    repository.urlOf ??= () => new URL(`file://${encodeURI(directory)}/tiny/1/`);
    await push(repository, files, { model: "tiny", version: 1 });
    const served = await loadVersion(repository, { model: "tiny", version: 1 }, {
      engine: "reference",
      checkSignature: check,
    });
    served.compute.dispose();
    repository.close();
    return served;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a signed version is opened by a server that trusts its key", async () => {
  assertEquals((await load({ ...signed, "model.sig": signature })).version, 1);
});

const changedByte = bytesOf(signed["model.safetensors"]).slice();
changedByte[changedByte.length - 1] ^= 1;
const without: Contents = { ...signed, "model.sig": signature };
delete without[PROBE_FILE];

const refused: [string, Contents, SignatureFault][] = [
  ["unsigned", signed, "unsigned"],
  ["a stranger's", { ...signed, "model.sig": await signatureOf(signed, stranger) }, "unknown-key"],
  ["signed as another", { ...other, "model.sig": signature }, "changed-file"],
  [
    "a byte changed",
    { ...signed, "model.safetensors": changedByte, "model.sig": signature },
    "changed-file",
  ],
  ["a file less", without, "missing-file"],
  ["a file more", { ...signed, "more.txt": "more", "model.sig": signature }, "unsigned-file"],
  ["a signature of nothing", { ...signed, "model.sig": "" }, "malformed"],
  [
    "renumbered without being signed again",
    {
      ...signed,
      "config.json": JSON.stringify({ ...tinyModel().config, version: 2 }),
      "model.sig": signature,
    },
    "changed-file",
  ],
];
for (const [what, files, fault] of refused) {
  Deno.test(`a version is refused by a server with trusted keys: ${what}`, async () => {
    const error = await assertRejects(() => load(files), VersionRefusedError);
    assert(error.cause instanceof SignatureError, String(error.cause));
    assertEquals(error.cause.fault, fault);
    assert(error.message.startsWith("Version 1 of tiny is refused: Cannot trust the version: "));
  });
}

Deno.test("a signature larger than any is refused before it is read", async () => {
  const files = { ...signed, "model.sig": new Uint8Array(1024 * 1024 + 1) };
  const error = await assertRejects(() => load(files), VersionRefusedError);
  assert(error.message.includes("model.sig must hold at most 1048576 bytes, got 1048577"));
});

Deno.test("a fault of the store while a signature is checked is not the version's", async () => {
  const fault = new Error("the store does not answer");
  const error = await assertRejects(() => load(signed, signatureCheckThat(fault)));
  assert(error === fault);
});

function signatureCheckThat(fault: Error): typeof checkSignature {
  return ({ manifest }) => checkSignature({ manifest, read: () => Promise.reject(fault) });
}
