import { assert, assertEquals, assertRejects } from "@std/assert";
import { decodeBase64 } from "@std/encoding/base64";
import { KeyError } from "../../src/signing/errors.ts";
import { generateKeys, readPrivateKey, readTrustedKeys } from "../../src/signing/keys.ts";
import { readPem, writePem } from "../../src/signing/pem.ts";
import { otherKinds, rfc6979 } from "./known.ts";

const ECDSA: EcdsaParams = { name: "ECDSA", hash: "SHA-256" };
const { fingerprint, pkcs8, sec1, sec1WithoutPoint, parameters, spki, compressed } = rfc6979;

const privateForms: Record<string, string> = {
  "PKCS #8": pkcs8,
  "SEC 1": sec1,
  "SEC 1 behind its curve": parameters + sec1,
  "SEC 1 without its public point": sec1WithoutPoint,
  "with carriage returns and words around it": `My key:\r\n${pkcs8.replaceAll("\n", "\r\n")}end`,
};
for (const [form, pem] of Object.entries(privateForms)) {
  Deno.test(`a private key is read, and its fingerprint known: ${form}`, async () => {
    const key = await readPrivateKey(pem, "a.pem");
    assertEquals(key.fingerprint, fingerprint);
    const message = new TextEncoder().encode("any");
    const signature = await crypto.subtle.sign(ECDSA, key.key, message);
    const [trusted] = await readTrustedKeys(spki, "b.pem");
    assert(await crypto.subtle.verify(ECDSA, trusted.key, signature, message));
  });
}

for (const [form, pem] of Object.entries({ spki, compressed })) {
  Deno.test(`a public key verifies the signature of RFC 6979: ${form}`, async () => {
    const [{ key, ...rest }] = await readTrustedKeys(pem, "b.pem");
    assertEquals(rest, { fingerprint, from: "b.pem" });
    const signature = Uint8Array.fromHex(rfc6979.r + rfc6979.s);
    const message = new TextEncoder().encode(rfc6979.message);
    assert(await crypto.subtle.verify(ECDSA, key, signature, message));
    message[0] ^= 1;
    assert(!await crypto.subtle.verify(ECDSA, key, signature, message));
  });
}

Deno.test("a new pair is two keys that belong together, in OpenSSL's forms", async () => {
  const { privateKey, publicKey, fingerprint } = await generateKeys();
  assertEquals((await readPrivateKey(privateKey, "a.pem")).fingerprint, fingerprint);
  const [trusted, ...others] = await readTrustedKeys(publicKey, "b.pem");
  assertEquals([trusted.fingerprint, others.length], [fingerprint, 0]);
  assert((await generateKeys()).privateKey !== privateKey);
});

Deno.test("a file may hold several public keys, so that one can follow another", async () => {
  const { publicKey, fingerprint: next } = await generateKeys();
  const keys = await readTrustedKeys(`${spki}\n${publicKey}`, "b.pem");
  assertEquals(keys.map((key) => key.fingerprint), [fingerprint, next]);
});

/** A block whose DER has a byte changed. */
function changed(pem: string, label: string, at: number): string {
  const der = decodeBase64(pem.split("\n").slice(1, -2).join(""));
  der[at] ^= 1;
  return writePem({ label, der });
}

const kind = "it must be an ECDSA key of the named curve P-256";
const refusedPublic: Record<string, [string, string]> = {
  "no key": ["", "it must be 1 to 16 public keys as PEM, got no PEM block"],
  "a private key": [pkcs8, "it must be 1 to 16 public keys as PEM, got PRIVATE KEY"],
  "a certificate": [
    spki.replaceAll("PUBLIC KEY", "CERTIFICATE"),
    "it must be 1 to 16 public keys as PEM, got CERTIFICATE",
  ],
  "17 keys": [spki.repeat(17), "it must be 1 to 16 public keys as PEM, got PUBLIC KEY, PUBLIC"],
  "a file without end": [
    spki + "x".repeat(16384),
    "the file must have at most 16384 characters, got 16562",
  ],
  "no base64": [spki.replace("MFkw", "MF?w"), "its PEM block is not base64"],
  "no DER": [writePem({ label: "PUBLIC KEY", der: new Uint8Array(8) }), "it is no sequence"],
  "no point of the curve": [changed(spki, "PUBLIC KEY", 90), "it is no key of the curve P-256"],
  "P-384": [otherKinds["P-384"], `${kind}, got P-384`],
  "Ed25519": [otherKinds.Ed25519, `${kind}, got Ed25519`],
  "secp256k1": [otherKinds.secp256k1, `${kind}, got secp256k1`],
  "an unknown curve": [changed(spki, "PUBLIC KEY", 22), `${kind}, got another`],
};
for (const [what, [pem, message]] of Object.entries(refusedPublic)) {
  Deno.test(`a trusted key is refused: ${what}`, async () => {
    const error = await assertRejects(() => readTrustedKeys(pem, "b.pem"), KeyError);
    assert(error.message.startsWith(`Cannot read key b.pem: ${message}`), error.message);
  });
}

const refusedPrivate: Record<string, [string, string]> = {
  "a public key": [spki, "it must be one private key as PEM, got PUBLIC KEY"],
  "two keys": [pkcs8 + sec1, "it must be one private key as PEM, got PRIVATE KEY, EC PRIVATE KEY"],
  "encrypted PKCS #8": [
    pkcs8.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
    "it is encrypted; decrypt it with openssl pkey",
  ],
  "encrypted SEC 1": [
    sec1.replace("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"),
    "it is encrypted; decrypt it with openssl pkey",
  ],
  "another curve, SEC 1": [changed(sec1, "EC PRIVATE KEY", 50), `${kind}, got another`],
  "another curve, PKCS #8": [changed(pkcs8, "PRIVATE KEY", 25), `${kind}, got another`],
  "the public point of another": [
    changed(pkcs8, "PRIVATE KEY", 137),
    "it is no key of the curve P-256",
  ],
};
for (const [what, [pem, message]] of Object.entries(refusedPrivate)) {
  Deno.test(`a private key is refused, and nothing of it is told: ${what}`, async () => {
    const error = await assertRejects(() => readPrivateKey(pem, "a.pem"), KeyError);
    assert(error.message.startsWith(`Cannot read key a.pem: ${message}`), error.message);
    const said = `${error.message} ${(error.cause as Error | undefined)?.message}`;
    assert(!/c9afa9|ya\+p2EW6/i.test(said), said);
  });
}

Deno.test("PEM is written as OpenSSL writes it", () => {
  const [block] = readPem(pkcs8, "a.pem");
  assertEquals(writePem(block), pkcs8);
});
