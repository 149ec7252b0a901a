import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { readManifest, writeManifest } from "../../src/format/manifest.ts";
import { sha256 } from "../../src/outside/sha256.ts";
import { readEnvelope, signEnvelope } from "../../src/signing/envelope.ts";
import { SignatureError, type SignatureFault } from "../../src/signing/errors.ts";
import { generateKeys, readPrivateKey, readTrustedKeys } from "../../src/signing/keys.ts";
import { type FileDigest, PAYLOAD_TYPE, readStatement } from "../../src/signing/statement.ts";
import { checkSignature, signVersion, verifyVersion } from "../../src/signing/version.ts";
import { rfc6979, signed } from "./known.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

async function digests(files: Record<string, string>): Promise<FileDigest[]> {
  return await Promise.all(
    Object.entries(files).map(async ([path, text]) => ({ path, sha256: await sha256(utf8(text)) })),
  );
}

const files = await digests(signed.files);
const key = await readPrivateKey(rfc6979.pkcs8, "private.pem");
const trusted = await readTrustedKeys(rfc6979.spki, "public.pem");
const theirs = { bundle: utf8(signed.bundle), keys: await readTrustedKeys(signed.publicKey, "p") };
const ours = { bundle: await signVersion({ subject: "known/1", files }, key), keys: trusted };

async function refusal(
  bundle: Uint8Array | undefined,
  files: readonly FileDigest[],
  keys = trusted,
): Promise<SignatureError> {
  return await assertRejects(() => verifyVersion(bundle, files, keys), SignatureError);
}

Deno.test("a bundle of model-signing 1.1.1 is verified", async () => {
  assertEquals((await verifyVersion(theirs.bundle, files, theirs.keys)).from, "p");
});

Deno.test("we sign the same files in the same order as model-signing, with the same digest", async () => {
  const [left, right] = await Promise.all([theirs.bundle, ours.bundle].map(async (bundle) => {
    const { payload } = readEnvelope(bundle),
      statement = JSON.parse(new TextDecoder().decode(payload));
    return { files: await readStatement(payload), digest: statement.subject[0].digest };
  }));
  assertEquals(left, right);
});

Deno.test("files in any order are signed by the same payload", async () => {
  const reversed = await signVersion({ subject: "known/1", files: files.toReversed() }, key);
  assertEquals(readEnvelope(reversed).payload, readEnvelope(ours.bundle).payload);
});

Deno.test("a version is verified by its manifest, which lists the bundle", async () => {
  const listed = [...files, { path: "model.sig", sha256: await sha256(ours.bundle) }]
    .map((file) => ({ ...file, size: 1 }));
  const manifest = readManifest(writeManifest({ model: "known", version: 1, files: listed }));
  assertEquals(
    (await checkSignature({ manifest, bundle: ours.bundle }, trusted)).from,
    "public.pem",
  );
  const without = { ...manifest, files: manifest.files.slice(1) };
  const error = await assertRejects(
    () => checkSignature({ manifest: without, bundle: ours.bundle }, trusted),
    SignatureError,
  );
  assertEquals(error.fault, "missing-file");
});

const [config, images] = files;
const changed = { ...config, sha256: images.sha256 };
const refused: [string, Parameters<typeof refusal>, SignatureFault, string][] = [
  ["unsigned", [undefined, files], "unsigned", "it has no model.sig: sign it with dbn sign"],
  [
    "signed by an unknown key",
    [theirs.bundle, files],
    "unknown-key",
    `must be one of ${rfc6979.fingerprint} (public.pem)`,
  ],
  ["no key is trusted", [ours.bundle, files, []], "unknown-key", "must be one of none"],
  [
    "a file of another digest",
    [ours.bundle, [changed, ...files.slice(1)]],
    "changed-file",
    `"config.json" must have the signed SHA-256 ${config.sha256}, got ${images.sha256}`,
  ],
  [
    "a missing file",
    [ours.bundle, files.slice(1)],
    "missing-file",
    '"config.json" is signed and must be there',
  ],
  [
    "a file that is not signed",
    [ours.bundle, [...files, { path: "more.txt", sha256: config.sha256 }]],
    "unsigned-file",
    '"more.txt" is not signed',
  ],
  [
    "the manifest is signed too",
    [
      await signOf(statementOf([...files, { path: "manifest.json", sha256: config.sha256 }])),
      files,
    ],
    "missing-file",
    '"manifest.json" is signed and must be there; sign it with dbn sign, which leaves it out',
  ],
];
for (const [what, args, fault, message] of refused) {
  Deno.test(`a version is refused: ${what}`, async () => {
    const error = await refusal(...args);
    assertEquals(error.fault, fault);
    assert(error.message.startsWith("Cannot trust the version: "), error.message);
    assert(error.message.includes(message), error.message);
  });
}

/** A statement over files; the digest of its subject is right where it is left out. */
async function statementOf(
  files: readonly FileDigest[],
  change: (statement: Statement) => void = () => {},
): Promise<string> {
  const all = Uint8Array.fromHex(files.map((file) => file.sha256).join(""));
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "x", digest: { sha256: await sha256(all) } }],
    predicateType: "https://model_signing/signature/v1.0",
    predicate: {
      serialization: { method: "files", hash_type: "sha256", allow_symlinks: false },
      resources: files.map(({ path, sha256 }) => ({
        ...{ name: path, algorithm: "sha256", digest: sha256 },
      })),
    },
  };
  change(statement);
  return JSON.stringify(statement);
}

// deno-lint-ignore no-explicit-any
type Statement = Record<string, any>;

async function signOf(payload: string | Promise<string>, payloadType = PAYLOAD_TYPE) {
  return await signEnvelope({ payload: utf8(await payload), payloadType }, key);
}

Deno.test("members of a statement that version 1 does not know are passed over", async () => {
  const more = (statement: Statement) => {
    statement.more = statement.predicate.more = statement.subject[0].uri = 5;
  };
  assertEquals(
    (await verifyVersion(await signOf(statementOf(files, more)), files, trusted)).key,
    trusted[0].key,
  );
});

const malformed: Record<string, [(statement: Statement) => void, string]> = {
  "another type": [(s) => s._type += "1", '_type must be "https://in-toto.io/Statement/v1"'],
  "another predicate": [(s) => s.predicateType = "x", "predicateType must be"],
  "no predicate": [(s) => delete s.predicate, "predicate must be a JSON object, got undefined"],
  "shards of files": [
    (s) => s.predicate.serialization.method = "shards",
    'method must be "files", got "shards"',
  ],
  "another hash": [
    (s) => s.predicate.serialization.hash_type = "blake3",
    'hash_type must be "sha256", got "blake3"',
  ],
  "another hash of a file": [
    (s) => s.predicate.resources[1].algorithm = "blake2b",
    'resources[1].algorithm must be "sha256", got "blake2b"',
  ],
  "a digest that is none": [
    (s) => s.predicate.resources[0].digest = "AA",
    "resources[0].digest must be 64 hexadecimal digits",
  ],
  "a name that is none": [
    (s) => s.predicate.resources[0].name = null,
    "resources[0].name must be a text, got null",
  ],
  "a file twice": [
    (s) => s.predicate.resources.push(s.predicate.resources[0]),
    "resources must be files of different names",
  ],
  "resources that are no list": [(s) => s.predicate.resources = {}, "resources must be a list"],
  "two subjects": [(s) => s.subject.push(s.subject[0]), "subject must be one subject"],
  "the digest of other files": [
    (s) => s.predicate.resources.reverse(),
    "subject[0].digest.sha256 must be",
  ],
};
for (const [what, [change, message]] of Object.entries(malformed)) {
  Deno.test(`a signed statement is refused: ${what}`, async () => {
    const error = await refusal(await signOf(statementOf(files, change)), files);
    assertEquals(error.fault, "malformed");
    assert(error.message.includes(message), error.message);
  });
}

Deno.test("a signed payload is refused that is no statement, or says another type", async () => {
  const wrongType = await refusal(await signOf(statementOf(files), "application/json"), files);
  assert(wrongType.message.includes("payloadType must be"), wrongType.message);
  for (const payload of ["", "5", "null", "[]", '{"a":1,"a":2}']) {
    assertEquals((await refusal(await signOf(payload), files)).fault, "malformed", payload);
  }
});

for (const [whose, { bundle, keys }] of Object.entries({ ours, theirs })) {
  Deno.test(`every byte of a bundle counts, whatever it becomes: ${whose}`, async () => {
    for (let at = 0; at < bundle.length; at++) {
      const changed = bundle.slice();
      changed[at] ^= 1 << (at % 8);
      await refusal(changed, files, keys);
      changed[at] = bundle[at] ^ (1 + (at * 37) % 255);
      await refusal(changed, files, keys);
    }
  });

  Deno.test(`a bundle is whole or refused: ${whose}`, async () => {
    for (let end = 0; end < bundle.length; end += 7) {
      await refusal(bundle.subarray(0, end), files, keys);
    }
    const doubled = Uint8Array.from([...bundle, ...bundle]);
    await refusal(doubled, files, keys);
  });
}

/** Files of a version, by path. */
const version = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,3}(\/[a-z]{1,3})?$/),
  fc.stringMatching(/^[a-z]{0,4}$/),
  { minKeys: 1, maxKeys: 8 },
);

Deno.test("another set of files than was signed is always refused", async () => {
  const other = fc.oneof(
    version,
    fc.constant("swap"),
    fc.constant("remove"),
    fc.constant("rename"),
  );
  await fc.assert(
    fc.asyncProperty(version, other, fc.nat(), async (before, change, at) => {
      const own = await digests(before), i = at % own.length;
      const bundle = await signVersion({ subject: "x", files: own }, key);
      assertEquals((await verifyVersion(bundle, own, trusted)).from, "public.pem");
      const after = own.map((file) => ({ ...file }));
      if (change === "swap") {
        const j = (i + 1) % own.length;
        [after[i].sha256, after[j].sha256] = [own[j].sha256, own[i].sha256];
      } else if (change === "remove") after.splice(i, 1);
      else if (change === "rename") after[i].path += "x";
      else after.splice(0, after.length, ...await digests(change));
      const same = (files: FileDigest[]) =>
        files.map(({ path, sha256 }) => `${path} ${sha256}`).sort().join();
      if (same(after) !== same(own)) await refusal(bundle, after);
    }),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("a signature of one version is none of another, nor by another key", async () => {
  const { privateKey, publicKey } = await generateKeys();
  const other = await signVersion({ subject: "x", files }, await readPrivateKey(privateKey, "o"));
  assertEquals((await refusal(other, files)).fault, "unknown-key");
  assertEquals((await refusal(ours.bundle, files.slice(2))).fault, "missing-file");
  const both = [...trusted, ...await readTrustedKeys(publicKey, "next.pem")];
  assertEquals((await verifyVersion(other, files, both)).from, "next.pem");
  assertEquals((await verifyVersion(ours.bundle, files, both)).from, "public.pem");
});
