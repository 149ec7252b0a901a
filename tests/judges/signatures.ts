/**
 * Signs versions by our program and by PyPI's model-signing, changes them in every way, and asks both
 * whether they verify: both must say the same, and what is expected.
 *
 *     deno run -A tests/judges/signatures.ts PYTHON
 * @module
 */
import { describeVersion } from "../../src/repository/describe_version.ts";
import { releasedModel, saveModel } from "../../src/repository/model_directory.ts";
import { readEnvelope, signEnvelope } from "../../src/signing/envelope.ts";
import { readPrivateKeyFile, readTrustedKeyFiles } from "../../src/signing/key_files.ts";
import { PAYLOAD_TYPE } from "../../src/signing/statement.ts";
import { checkSignature } from "../../src/signing/version.ts";
import { tinyModel } from "../model/tiny_model.ts";

/** A version that both are asked about. */
interface Case {
  what: string;
  directory: string;
  /** File of the trusted key. */
  key: string;
  verifies: boolean;
}

/** What changes a signed version, or its key. */
type Change = (directory: string) => Promise<unknown>;

const [python] = Deno.args;
const root = new URL("../../", import.meta.url).pathname;
const place = await Deno.makeTempDir({ prefix: "signatures " });
const cases: Case[] = [];

async function output(program: string, args: string[], stdin?: string): Promise<string> {
  const child = new Deno.Command(program, {
    args,
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (stdin !== undefined) await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`${program} ${args}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

const dbn = (...args: string[]) =>
  output(Deno.execPath(), ["run", "--lock=deno.dev.lock", "-A", "train/cli/dbn.ts", ...args]);
const theirs = (...args: string[]) => output(python, ["tests/judges/signatures.py", ...args]);

async function copy(from: string, to: string): Promise<string> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
  return to;
}

/** A random integer below `n`, the same in every run. */
const below = (() => {
  let state = 1;
  return (n: number) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (state >>> 0) % n;
  };
})();

/** Changes a byte at random to another one. */
function flip(name: string, other: () => number = () => below(256)): Change {
  return async (directory) => {
    const bytes = await Deno.readFile(`${directory}/${name}`);
    const isLastDigit = (at: number) =>
      // of base64: Python passes over bits of it, and we refuse
      name === "model.sig" && '="'.includes(String.fromCharCode(bytes[at + 1]));
    let at = below(bytes.length), byte = other();
    while (isLastDigit(at) || byte === bytes[at]) [at, byte] = [below(bytes.length), other()];
    bytes[at] = byte;
    await Deno.writeFile(`${directory}/${name}`, bytes);
  };
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const digit = () => DIGITS.charCodeAt(below(DIGITS.length));

// deno-lint-ignore no-explicit-any
type Statement = Record<string, any>;

/** Signs by the same key what should not be believed. */
const statements: Record<string, (statement: Statement) => void> = {
  "another statement type": (statement) => statement._type += "1",
  "another predicate type": (statement) => statement.predicateType += "1",
  "a wrong digest of all": ({ subject }) => subject[0].digest.sha256 = "0".repeat(64),
  "two subjects": ({ subject }) => subject.push(subject[0]),
  "no files": ({ predicate }) => predicate.resources = [],
  "a file less": ({ predicate }) => predicate.resources.pop(),
  "files in another order": ({ predicate }) => predicate.resources.reverse(),
  "another algorithm of a file": ({ predicate }) => predicate.resources[0].algorithm = "blake3",
  "an unknown method": ({ predicate }) => predicate.serialization.method = "tensors",
};

/** Signs the payload again as `change` leaves it, by the key that has signed it. */
function signAgain(
  key: string,
  change: (statement: Statement) => void,
  payloadType = PAYLOAD_TYPE,
): Change {
  return async (directory) => {
    const path = `${directory}/model.sig`;
    const { payload } = readEnvelope(await Deno.readFile(path));
    const statement = JSON.parse(new TextDecoder().decode(payload));
    change(statement);
    const changed = new TextEncoder().encode(JSON.stringify(statement));
    const signing = await readPrivateKeyFile(`${place}/${key}.private.pem`);
    await Deno.writeFile(path, await signEnvelope({ payload: changed, payloadType }, signing));
  };
}

const names = [
  ...["README.md", "classifier.safetensors", "config.json", "images/samples.png"],
  ...["images.txt", "model.safetensors"],
];

/** Every change after which a version must be refused. */
function changes(other: string, key: string): Record<string, Change> {
  const rename = (from: string, to: string): Change => (directory) =>
    Deno.rename(`${directory}/${from}`, `${directory}/${to}`);
  const write = (name: string, text: string): Change => (directory) =>
    Deno.writeTextFile(`${directory}/${name}`, text);
  const all: Record<string, Change> = {
    "unsigned": (directory) => Deno.remove(`${directory}/model.sig`),
    "an empty signature": write("model.sig", ""),
    "an empty object as signature": write("model.sig", "{}"),
    "the signature of another version": (directory) =>
      Deno.copyFile(`${other}/model.sig`, `${directory}/model.sig`),
    "a file more": write("more.txt", "more"),
    "a file more in a folder": write("images/more.txt", "more"),
    "a file renamed": rename("README.md", "readme.md"),
    "two files swapped": async (directory) => {
      await rename("README.md", "x")(directory);
      await rename("images.txt", "README.md")(directory);
      await rename("x", "images.txt")(directory);
    },
  };
  for (const name of names) {
    all[`without ${name}`] = (directory) => Deno.remove(`${directory}/${name}`);
    all[`${name} emptied`] = write(name, "");
    all[`${name} longer`] = (directory) =>
      Deno.writeTextFile(`${directory}/${name}`, " ", { append: true });
    for (let i = 0; i < 3; i++) all[`${name} flipped ${i}`] = flip(name);
  }
  for (let i = 0; i < 100; i++) all[`signature with another digit ${i}`] = flip("model.sig", digit);
  for (let i = 0; i < 30; i++) all[`signature flipped ${i}`] = flip("model.sig");
  for (let i = 0; i < 10; i++) {
    all[`signature cut ${i}`] = async (directory) => {
      const { size } = await Deno.stat(`${directory}/model.sig`);
      await Deno.truncate(`${directory}/model.sig`, below(size));
    };
  }
  for (const [what, change] of Object.entries(statements)) {
    all[`signed: ${what}`] = signAgain(key, change);
  }
  all["signed: another payload type"] = signAgain(key, () => {}, "application/json");
  return all;
}

async function makeVersion(path: string, text: string): Promise<string> {
  await saveModel(path, tinyModel());
  await Deno.mkdir(`${path}/images`);
  for (const name of ["README.md", "images.txt", "images/samples.png"]) {
    await Deno.writeTextFile(`${path}/${name}`, `${text} ${name}`);
  }
  await Deno.writeTextFile(`${path}/manifest.json`, "{}"); // neither signs it
  return path;
}

async function makeKeys() {
  await dbn("keygen", "--out", `${place}/ours`);
  const [sec1, spki] = [`${place}/openssl.private.pem`, `${place}/openssl.public.pem`];
  await output("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", sec1]);
  await output("openssl", ["ec", "-in", sec1, "-pubout", "-out", spki]);
}

/** All cases of versions that `sign` has signed, by our key and by OpenSSL's. */
async function addCases(whose: string, sign: (directory: string, key: string) => Promise<unknown>) {
  const model = await copy(`${root}${releasedModel}`, `${place}/${whose}/2`);
  for (const key of ["ours", "openssl"]) {
    const wrong = key === "ours" ? "openssl" : "ours";
    const signed = await makeVersion(`${place}/${whose} ${key}/signed`, "one");
    const other = await makeVersion(`${place}/${whose} ${key}/other`, "other");
    for (const directory of [signed, other, model]) {
      await sign(directory, `${place}/${key}.private.pem`);
    }
    const add = (what: string, directory: string, own: string, verifies: boolean) =>
      cases.push({
        ...{ what: `${whose}, key of ${key}: ${what}`, directory, verifies },
        key: `${place}/${own}.public.pem`,
      });
    add("signed", signed, key, true);
    add("the key of another", signed, wrong, false);
    const again = await copy(signed, `${place}/${whose} ${key}/again`);
    await signAgain(key, () => {})(again);
    add("signed: the same again", again, key, true);
    if (key === "openssl") add("the released model", model, key, true);
    for (const [what, change] of Object.entries(changes(other, key))) {
      const directory = await copy(signed, `${place}/${whose} ${key}/${what.replace("/", " ")}`);
      await change(directory);
      add(what, directory, key, false);
    }
  }
}

/** Why we refuse a version, or null. */
async function ours({ directory, key }: Case): Promise<string | null> {
  try {
    const bundle = await Deno.readFile(`${directory}/model.sig`).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    const { manifest } = await describeVersion(directory);
    await checkSignature({ manifest, bundle }, await readTrustedKeyFiles([key]));
    return null;
  } catch (error) {
    return String(error);
  }
}

await makeKeys();
await addCases("ours", (directory, key) => dbn("sign", directory, "--key", key));
await addCases("model-signing", (directory, key) => theirs("sign", directory, key));
const documented = `${place}/ours/2`; // as docs/signing.md calls it
await output(python, [
  ...["-m", "model_signing", "verify", "key", documented],
  ...["--signature", `${documented}/model.sig`, "--public_key", `${place}/openssl.public.pem`],
]);
const said = JSON.parse(
  await output(python, ["tests/judges/signatures.py", "verify"], JSON.stringify(cases)),
) as (string | null)[];
let failed = 0;
for (const [i, each] of cases.entries()) {
  const own = await ours(each), their = said[i];
  if ((own === null) === each.verifies && (their === null) === each.verifies) continue;
  failed++;
  const told = (reason: string | null) => reason ?? "verified";
  console.log(`FAILED ${each.what}\n  ours: ${told(own)}\n  model-signing: ${told(their)}`);
}
const verified = cases.filter(({ verifies }) => verifies).length;
console.log(
  `${failed === 0 ? "ok    " : "FAILED"} signatures: we and model-signing agree on ${
    cases.length - failed
  } of ${cases.length} versions, of which ${verified} verify`,
);
await Deno.remove(place, { recursive: true });
Deno.exit(failed === 0 ? 0 : 1);
