/**
 * Keys of signatures: ECDSA over the curve P-256, as PEM files that OpenSSL and model-signing read too.
 * Private keys are PKCS #8 (RFC 5958) or SEC 1 (RFC 5915), public ones SubjectPublicKeyInfo (RFC 5480).
 * @module
 */
import { decodeHex, encodeHex } from "../outside/encoding.ts";
import { sha256 } from "../outside/sha256.ts";
import {
  type DerElement,
  DerError,
  readElements,
  readSequence,
  tags,
  writeElement,
} from "./der.ts";
import { KeyError } from "./errors.ts";
import { type PemBlock, readPem, writePem } from "./pem.ts";

/** Signs. */
export interface SigningKey {
  key: CryptoKey;
  publicKey: CryptoKey;
  /** Names the pair: see {@linkcode TrustedKey}. */
  fingerprint: string;
  /** The file that it was read from, for messages. */
  from: string;
}

/** A public key whose signatures are believed. */
export interface TrustedKey {
  key: CryptoKey;
  /** SHA-256 of the public key's PEM, in hex: what a bundle of model-signing names its key by. */
  fingerprint: string;
  /** The file that it was read from, for messages. */
  from: string;
}

/** A pair of keys as PEM. */
export interface KeyPair {
  privateKey: string;
  publicKey: string;
  fingerprint: string;
}

const P256: EcKeyGenParams = { name: "ECDSA", namedCurve: "P-256" };
/** Public keys in a file at most. */
const MAX_KEYS = 16;

/** Object identifiers, in hex. */
const EC_PUBLIC_KEY = "2a8648ce3d0201", P256_CURVE = "2a8648ce3d030107";

/** What messages call keys of other kinds. */
const otherKinds: Record<string, string> = {
  "2a864886f70d010101": "RSA",
  "2b6570": "Ed25519",
  "2b81040022": "P-384",
  "2b81040023": "P-521",
  "2b8104000a": "secp256k1",
};

/** A new pair. */
export async function generateKeys(): Promise<KeyPair> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  return {
    privateKey: writePem({ label: "PRIVATE KEY", der }),
    publicKey: await publicPem(publicKey),
    fingerprint: await fingerprintOf(publicKey),
  };
}

/**
 * The private key of a PEM file.
 * @param from the file, for messages
 * @throws {KeyError} naming the file, what it must be and what it is.
 */
export async function readPrivateKey(pem: string, from: string): Promise<SigningKey> {
  // OpenSSL writes the curve into a block of its own before a SEC 1 key, which says it again.
  const blocks = readPem(pem, from).filter(({ label }) => label !== "EC PARAMETERS");
  const [block] = blocks;
  if (blocks.length !== 1 || !["PRIVATE KEY", "EC PRIVATE KEY"].includes(block.label)) {
    throw wrongBlocks(from, "one private key", blocks);
  }
  const der = withDer(from, () => {
    if (block.label === "EC PRIVATE KEY") return pkcs8OfSec1(block.der, from);
    checkAlgorithm(readSequence(block.der)[1], from);
    return block.der;
  });
  return await withKey(from, async () => {
    const key = await crypto.subtle.importKey("pkcs8", der as BufferSource, P256, true, ["sign"]);
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", key);
    const point = { kty, crv, x, y };
    const publicKey = await crypto.subtle.importKey("jwk", point, P256, true, ["verify"]);
    return { key, publicKey, fingerprint: await fingerprintOf(publicKey), from };
  });
}

/** The public half of a key, trusted. */
export function publicKeyOf({ publicKey, fingerprint, from }: SigningKey): TrustedKey {
  return { key: publicKey, fingerprint, from };
}

/**
 * The public keys of a PEM file, which may have several, so that one can follow another.
 * @param from the file, for messages
 * @throws {KeyError} naming the file, what it must be and what it is.
 */
export async function readTrustedKeys(pem: string, from: string): Promise<TrustedKey[]> {
  const blocks = readPem(pem, from);
  const isPublic = blocks.every(({ label }) => label === "PUBLIC KEY");
  if (blocks.length < 1 || blocks.length > MAX_KEYS || !isPublic) {
    throw wrongBlocks(from, `1 to ${MAX_KEYS} public keys`, blocks);
  }
  return await Promise.all(blocks.map(async ({ der }) => {
    withDer(from, () => checkAlgorithm(readSequence(der)[0], from));
    return await withKey(from, async () => {
      const key = await crypto.subtle.importKey("spki", der as BufferSource, P256, true, [
        "verify",
      ]);
      return { key, fingerprint: await fingerprintOf(key), from };
    });
  }));
}

function wrongBlocks(from: string, expected: string, blocks: readonly PemBlock[]): KeyError {
  const got = blocks.map(({ label }) => label).join(", ") || "no PEM block";
  return new KeyError(`Cannot read key ${from}: it must be ${expected} as PEM, got ${got}`);
}

/** What WebCrypto makes of a key, which it may look at only when it is asked for it again. */
async function withKey<T>(from: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    if (!(cause instanceof DOMException || cause instanceof TypeError)) throw cause;
    throw new KeyError(`Cannot read key ${from}: it is no key of the curve P-256`, { cause });
  }
}

function withDer<T>(from: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new KeyError(`Cannot read key ${from}: ${cause.message}`, { cause });
  }
}

/** @throws {KeyError} unless an AlgorithmIdentifier is an elliptic curve's, and the curve is P-256. */
function checkAlgorithm(algorithm: DerElement | undefined, from: string): void {
  if (algorithm?.tag !== tags.sequence) throw new DerError("it has no algorithm");
  const [kind, curve] = readElements(algorithm.content);
  checkIdentifier(kind, EC_PUBLIC_KEY, from);
  checkIdentifier(curve, P256_CURVE, from);
}

function checkIdentifier(element: DerElement | undefined, expected: string, from: string): void {
  const hex = element?.tag === tags.objectIdentifier ? encodeHex(element.content) : "";
  if (hex === expected) return;
  throw new KeyError(
    `Cannot read key ${from}: it must be an ECDSA key of the named curve P-256, got ${
      otherKinds[hex] ?? "another"
    }`,
  );
}

/** PKCS #8 of an ECPrivateKey: its version, number, curve and public point; the curve moves outside. */
function pkcs8OfSec1(sec1: Uint8Array, from: string): Uint8Array {
  const elements = readSequence(sec1);
  const [version, number] = elements;
  if (version?.tag !== tags.integer || number?.tag !== tags.octetString) {
    throw new DerError("it is no ECPrivateKey");
  }
  const curve = elements.find(({ tag }) => tag === tags.first);
  if (curve) checkIdentifier(readElements(curve.content)[0], P256_CURVE, from);
  const kept = elements.filter(({ tag }) => tag !== tags.first);
  const inner = kept.map(({ tag, content }) => writeElement(tag, content));
  return writeElement(
    tags.sequence,
    writeElement(tags.integer, Uint8Array.of(0)),
    writeElement(
      tags.sequence,
      writeElement(tags.objectIdentifier, decodeHex(EC_PUBLIC_KEY)),
      writeElement(tags.objectIdentifier, decodeHex(P256_CURVE)),
    ),
    writeElement(tags.octetString, writeElement(tags.sequence, ...inner)),
  );
}

async function publicPem(key: CryptoKey): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("spki", key));
  return writePem({ label: "PUBLIC KEY", der });
}

async function fingerprintOf(publicKey: CryptoKey): Promise<string> {
  return await sha256(new TextEncoder().encode(await publicPem(publicKey)));
}
