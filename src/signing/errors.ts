/**
 * What goes wrong with keys and signatures. Messages never hold a private key.
 * @module
 */

/** Why a signature does not hold. */
export type SignatureFault =
  /** The version has no signature. */
  | "unsigned"
  /** The bundle breaks a rule of its format, or uses a part of it that is not supported. */
  | "malformed"
  /** It is signed by a key that is none of the trusted ones. */
  | "unknown-key"
  /** The signature is not that of the key over what it signs. */
  | "wrong-signature"
  /** A file has another SHA-256 than was signed. */
  | "changed-file"
  /** A file was signed and is not there. */
  | "missing-file"
  /** A file is there and was not signed. */
  | "unsigned-file";

/** A version whose signature does not hold. */
export class SignatureError extends Error {
  override name = "SignatureError";
  constructor(readonly fault: SignatureFault, message: string, options?: ErrorOptions) {
    super(`Cannot trust the version: ${message}`, options);
  }
}

/** A key that cannot be used. */
export class KeyError extends Error {
  override name = "KeyError";
}
