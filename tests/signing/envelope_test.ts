import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  MAX_BUNDLE_BYTES,
  preAuthentication,
  readEnvelope,
  signEnvelope,
  verifyEnvelope,
} from "../../src/signing/envelope.ts";
import { signatureToDer } from "../../src/signing/der.ts";
import { SignatureError } from "../../src/signing/errors.ts";
import { readPrivateKey, readTrustedKeys, type TrustedKey } from "../../src/signing/keys.ts";
import { dsse, rfc6979, signed } from "./known.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("the pre-authentication encoding is that of DSSE's example, lengths in bytes", () => {
  const encoded = preAuthentication(dsse.payloadType, utf8(dsse.payload));
  assertEquals(new TextDecoder().decode(encoded), dsse.encoded);
  assertEquals(preAuthentication("é", utf8("€")), utf8("DSSEv1 2 é 3 €"));
  assertEquals(preAuthentication("", utf8("")), utf8("DSSEv1 0  0 "));
});

Deno.test("the signature of DSSE's example is verified, and of no other payload or type", async () => {
  const base64url = (n: bigint) =>
    Uint8Array.fromHex(n.toString(16).padStart(64, "0")).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
  const { x, y } = dsse.publicKey;
  const key = await crypto.subtle.importKey(
    "jwk",
    { kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) },
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["verify"],
  );
  const trusted: TrustedKey = { key, fingerprint: "example", from: "protocol.md" };
  const envelope = {
    payload: utf8(dsse.payload),
    payloadType: dsse.payloadType,
    signature: Uint8Array.fromBase64(dsse.signature),
  };
  assertEquals(await verifyEnvelope(envelope, [trusted]), trusted);
  for (const other of [{ payload: utf8("hello World") }, { payloadType: "http://example.com/" }]) {
    await assertRejects(() => verifyEnvelope({ ...envelope, ...other }, [trusted]), SignatureError);
  }
});

// deno-lint-ignore no-explicit-any
type Change = (bundle: Record<string, any>) => void;

/** A bundle with a part of it changed. */
function bundleWith(change: Change): Uint8Array {
  const bundle = JSON.parse(signed.bundle);
  change(bundle);
  return utf8(JSON.stringify(bundle));
}

const malformed: Record<string, [Uint8Array | Change, string]> = {
  "no JSON": [utf8("hello"), "the file is no JSON"],
  "no UTF-8": [Uint8Array.of(0xff), "the file is no JSON"],
  "a key twice": [
    utf8(signed.bundle.replace("{", '{"mediaType":"x",')),
    'the key "mediaType" is there twice',
  ],
  "a list": [utf8("[]"), "the file must be a JSON object, got []"],
  "too large": [new Uint8Array(MAX_BUNDLE_BYTES + 1), "at most 1048576 bytes, got 1048577"],
  "nested without end": [utf8("[".repeat(500_000)), "the file is no JSON"],
  "another media type": [
    (bundle) => bundle.mediaType += "x",
    'mediaType must be "application/vnd.dev.sigstore.bundle.v0.3+json", got',
  ],
  "an unknown member": [
    (bundle) => bundle.more = 1,
    'the file must be of the members mediaType, verificationMaterial, dsseEnvelope, got "more"',
  ],
  "no envelope": [
    (bundle) => delete bundle.dsseEnvelope,
    "the file must be an object with dsseEnvelope",
  ],
  "a message signature": [
    (bundle) => {
      bundle.messageSignature = bundle.dsseEnvelope;
      delete bundle.dsseEnvelope;
    },
    "the file must be an object with dsseEnvelope",
  ],
  "a certificate": [
    ({ verificationMaterial }) => {
      verificationMaterial.certificate = { rawBytes: "AA==" };
      delete verificationMaterial.publicKey;
    },
    "verificationMaterial must be a public key (certificates are not supported)",
  ],
  "an entry of a log": [
    ({ verificationMaterial }) => verificationMaterial.tlogEntries.push({}),
    "tlogEntries must be empty (transparency logs are not supported)",
  ],
  "a hint that is no text": [
    ({ verificationMaterial }) => verificationMaterial.publicKey.hint = 5,
    "hint must be a text, got 5",
  ],
  "two signatures": [
    ({ dsseEnvelope }) => dsseEnvelope.signatures.push(dsseEnvelope.signatures[0]),
    "signatures must be one signature",
  ],
  "no signature": [
    ({ dsseEnvelope }) => dsseEnvelope.signatures = [],
    "signatures must be one signature, got []",
  ],
  "a key's name": [
    ({ dsseEnvelope }) => dsseEnvelope.signatures[0].keyid = "me",
    'keyid must be empty, got "me"',
  ],
  "a payload that is no base64": [
    ({ dsseEnvelope }) => dsseEnvelope.payload += "=",
    "payload must be base64, got",
  ],
  "a payload in base64 with breaks": [
    ({ dsseEnvelope }) => dsseEnvelope.payload += "\n",
    "payload must be base64, got",
  ],
  "a signature in base64 with bits too many": [
    ({ dsseEnvelope }) => dsseEnvelope.signatures[0].sig = "AB==",
    'sig must be base64 in its proper form, got "AB=="',
  ],
  "a signature that is no DER": [
    ({ dsseEnvelope }) => dsseEnvelope.signatures[0].sig = dsse.signature,
    "sig must be ECDSA in DER over P-256",
  ],
};
for (const [what, [change, message]] of Object.entries(malformed)) {
  Deno.test(`a bundle is refused: ${what}`, () => {
    const bytes = typeof change === "function" ? bundleWith(change) : change;
    const error = assertThrows(() => readEnvelope(bytes), SignatureError);
    assertEquals(error.fault, "malformed");
    assert(error.message.includes(message), error.message);
    assert(error.message.length < 600, error.message);
  });
}

Deno.test("a bundle that names no key is tried with every trusted one", async () => {
  const keys = [
    ...await readTrustedKeys(rfc6979.spki, "other.pem"),
    ...await readTrustedKeys(signed.publicKey, "its.pem"),
  ];
  for (const hint of ["", null, undefined]) {
    const bytes = bundleWith(({ verificationMaterial }) =>
      verificationMaterial.publicKey.hint = hint
    );
    assertEquals((await verifyEnvelope(readEnvelope(bytes), keys)).from, "its.pem");
    const error = await assertRejects(
      () => verifyEnvelope(readEnvelope(bytes), keys.slice(0, 1)),
      SignatureError,
    );
    assertEquals(error.fault, "wrong-signature");
  }
});

Deno.test("a bundle that names another key than has signed is refused", async () => {
  const keys = await readTrustedKeys(rfc6979.spki, "other.pem");
  const bytes = bundleWith(({ verificationMaterial }) =>
    verificationMaterial.publicKey.hint = rfc6979.fingerprint
  );
  const error = await assertRejects(
    () => verifyEnvelope(readEnvelope(bytes), keys),
    SignatureError,
  );
  assertEquals(error.fault, "wrong-signature");
});

/** Whether OpenSSL is there; without it its tests are skipped, and say so. */
const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then(({ success }) => success, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });

Deno.test({
  name: `OpenSSL verifies our signatures${hasOpenssl ? "" : " (skipped: no openssl)"}`,
  ignore: !hasOpenssl,
  async fn() {
    const directory = await Deno.makeTempDir(), key = await readPrivateKey(rfc6979.sec1, "a.pem");
    await Deno.writeTextFile(`${directory}/public.pem`, rfc6979.spki);
    const verify = async (signature: Uint8Array) => {
      await Deno.writeFile(`${directory}/signature`, signature);
      const args = [
        "dgst",
        "-sha256",
        "-verify",
        "public.pem",
        "-signature",
        "signature",
        "message",
      ];
      return (await new Deno.Command("openssl", { args, cwd: directory }).output()).success;
    };
    for (let i = 0; i < 10; i++) {
      const payload = utf8(`payload ${i}`);
      const envelope = readEnvelope(await signEnvelope({ payload, payloadType: "text" }, key));
      await Deno.writeFile(`${directory}/message`, preAuthentication("text", payload));
      const der = signatureToDer(envelope.signature);
      assert(await verify(der));
      der[der.length - 1] ^= 1;
      assert(!await verify(der));
    }
    await Deno.remove(directory, { recursive: true });
  },
});
