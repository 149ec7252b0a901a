/**
 * A signed payload: DSSE's envelope (github.com/secure-systems-lab/dsse, protocol v1.0.2) in a Sigstore
 * bundle of version 0.3, as OpenSSF Model Signing writes it for a key. The reader is strict, because
 * nothing of the bundle but the payload is signed.
 * @module
 */
import { decodeBase64, encodeBase64 } from "../outside/encoding.ts";
import { isObject } from "../format/safetensors.ts";
import { parseStrictJson } from "../format/strict_json.ts";
import { shown } from "../outside/shown.ts";
import { DerError, signatureFromDer, signatureToDer } from "./der.ts";
import { SignatureError } from "./errors.ts";
import type { SigningKey, TrustedKey } from "./keys.ts";

/** What a bundle holds. */
export interface Envelope {
  payload: Uint8Array;
  payloadType: string;
  /** r and s, 32 bytes each. */
  signature: Uint8Array;
  /** Fingerprint of the key; bundles of model-signing before 1.1 name none. */
  fingerprint?: string;
}

/** The most that a bundle may hold, in bytes: one of 100 files has 30 KiB. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;

const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const ECDSA: EcdsaParams = { name: "ECDSA", hash: "SHA-256" };

/** The bytes that are signed: DSSE's pre-authentication encoding. */
export function preAuthentication(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = new TextEncoder().encode(payloadType);
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  const encoded = new Uint8Array(head.length + payload.length);
  encoded.set(head);
  encoded.set(payload, head.length);
  return encoded;
}

/** The bytes of a bundle, signed. */
export async function signEnvelope(
  { payload, payloadType }: Pick<Envelope, "payload" | "payloadType">,
  { key, fingerprint }: SigningKey,
): Promise<Uint8Array> {
  const message = preAuthentication(payloadType, payload) as BufferSource;
  const numbers = new Uint8Array(await crypto.subtle.sign(ECDSA, key, message));
  const bundle = {
    mediaType: MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint: fingerprint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: encodeBase64(payload),
      payloadType,
      signatures: [{ sig: encodeBase64(signatureToDer(numbers)), keyid: "" }],
    },
  };
  return new TextEncoder().encode(JSON.stringify(bundle));
}

/**
 * Which of the keys has signed the envelope.
 * @throws {SignatureError} if none has.
 */
export async function verifyEnvelope(
  { payload, payloadType, signature, fingerprint }: Envelope,
  trustedKeys: readonly TrustedKey[],
): Promise<TrustedKey> {
  const named = trustedKeys.filter((key) =>
    fingerprint === undefined || key.fingerprint === fingerprint
  );
  if (named.length === 0) {
    const trusted = trustedKeys.map((key) => `${key.fingerprint} (${key.from})`).join(", ");
    throw new SignatureError(
      "unknown-key",
      `it is signed by the key ${shown(fingerprint)}, which must be one of ${trusted || "none"}`,
    );
  }
  const message = preAuthentication(payloadType, payload) as BufferSource;
  for (const trusted of named) {
    const { key } = trusted;
    if (await crypto.subtle.verify(ECDSA, key, signature as BufferSource, message)) return trusted;
  }
  throw new SignatureError(
    "wrong-signature",
    `the signature is not that of ${
      named.map((key) => `${key.fingerprint} (${key.from})`).join(" or ")
    } over what it signs`,
  );
}

/**
 * What a bundle holds, not yet verified.
 * @throws {SignatureError} naming the field, the bound and the value.
 */
export function readEnvelope(bundle: Uint8Array): Envelope {
  if (bundle.length > MAX_BUNDLE_BYTES) {
    fail("the file", `at most ${MAX_BUNDLE_BYTES} bytes`, bundle.length);
  }
  const root = members("the file", parseJson("the file", bundle), {
    required: ["mediaType", "verificationMaterial", "dsseEnvelope"],
  });
  if (root.mediaType !== MEDIA_TYPE) fail("mediaType", shown(MEDIA_TYPE), root.mediaType);
  const fingerprint = readKeyHint(root.verificationMaterial);
  const { payload, payloadType, signatures } = members("dsseEnvelope", root.dsseEnvelope, {
    required: ["payload", "payloadType", "signatures"],
  });
  if (typeof payloadType !== "string") fail("payloadType", "a text", payloadType);
  if (!Array.isArray(signatures) || signatures.length !== 1) {
    return fail("signatures", "one signature", signatures);
  }
  const { sig, keyid } = members("signatures[0]", signatures[0], {
    required: ["sig"],
    optional: ["keyid"],
  });
  if (keyid !== undefined && keyid !== "") fail("keyid", "empty", keyid);
  return {
    payload: readBase64("payload", payload),
    payloadType: payloadType as string,
    signature: readSignature(readBase64("sig", sig)),
    fingerprint,
  };
}

/** The fingerprint of the public key that has signed, if it is named. */
function readKeyHint(material: unknown): string | undefined {
  if (isObject(material) && ("certificate" in material || "x509CertificateChain" in material)) {
    fail("verificationMaterial", "a public key (certificates are not supported)", "a certificate");
  }
  const { publicKey, tlogEntries = [] } = members("verificationMaterial", material, {
    required: ["publicKey"],
    optional: ["tlogEntries"],
  });
  if (!Array.isArray(tlogEntries) || tlogEntries.length > 0) {
    fail("tlogEntries", "empty (transparency logs are not supported)", tlogEntries);
  }
  const { hint } = members("publicKey", publicKey, { required: [], optional: ["hint"] });
  if (hint === undefined || hint === null || hint === "") return undefined;
  return typeof hint === "string" ? hint : fail("hint", "a text", hint);
}

function readSignature(der: Uint8Array): Uint8Array {
  try {
    return signatureFromDer(der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return fail("sig", `ECDSA in DER over P-256 (${error.message})`, encodeBase64(der));
  }
}

/** Bytes of a text that is base64 in its one proper form. */
function readBase64(field: string, text: unknown): Uint8Array {
  if (typeof text !== "string") return fail(field, "base64", text);
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64(text);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return fail(field, "base64", text);
  }
  return encodeBase64(bytes) === text ? bytes : fail(field, "base64 in its proper form", text);
}

/** What the bytes of a JSON text hold. @throws {SignatureError} naming the field. */
export function parseJson(field: string, bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    throw new SignatureError("malformed", `model.sig: ${field} is no JSON: ${cause.message}`, {
      cause,
    });
  }
}

function members(
  field: string,
  value: unknown,
  { required, optional = [] }: { required: string[]; optional?: string[] },
): Record<string, unknown> {
  if (!isObject(value)) return fail(field, "a JSON object", value);
  for (const name of required) {
    if (!Object.hasOwn(value, name)) fail(field, `an object with ${name}`, Object.keys(value));
  }
  const known = [...required, ...optional];
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) fail(field, `of the members ${known.join(", ")}`, name);
  }
  return value;
}

/** @throws {SignatureError} that the bundle's `field` is not as it must be. */
export function fail(field: string, bound: string, value: unknown): never {
  throw new SignatureError(
    "malformed",
    `model.sig: ${field} must be ${bound}, got ${shown(value)}`,
  );
}
