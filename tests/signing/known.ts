/**
 * Keys and signatures that other software made.
 * @module
 */

/**
 * The key of RFC 6979, A.2.5, in every form that OpenSSL writes it, and its signature of `sample` by
 * SHA-256. It has been public since 2013.
 */
export const rfc6979 = {
  message: "sample",
  r: "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
  s: "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
  /** SHA-256 of the public key's PEM. */
  fingerprint: "4975c03dd2ad43f3803bf943ca231389c41f26352bf098c930568797eff44dcc",
  pkcs8: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX
Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth
+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ
-----END PRIVATE KEY-----
`,
  sec1: `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49
AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8
maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END EC PRIVATE KEY-----
`,
  sec1WithoutPoint: `-----BEGIN EC PRIVATE KEY-----
MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49
AwEH
-----END EC PRIVATE KEY-----
`,
  parameters: `-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
`,
  spki: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
`,
  compressed: `-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Y=
-----END PUBLIC KEY-----
`,
};

/** Public keys of other kinds. */
export const otherKinds: Record<string, string> = {
  "P-384": `-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAElFKPvmV502RY2S0rOcDbEvbw17EZeMwd
xIHOEVfATMCWW8YwOi/APlow1GcerpmZHlyeobE0IISNEWJpln2/YOX/tXkij77o
zsLqJg4Zrjk/K25ZG223yQc05OvfIA1L
-----END PUBLIC KEY-----
`,
  Ed25519: `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAOwzxrMrSnLJleFmmvfZNKN3n/+u8oGufEcmWQouKVn0=
-----END PUBLIC KEY-----
`,
  secp256k1: `-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEakt71+pIEvGjqE1kQmUD6YTXSrVKZFql
Zrwu+RXJOWhKUQU2ZP8b0R5zO4HhTQLS562c0uWAg6UtT6n4nBLG2g==
-----END PUBLIC KEY-----
`,
};

/** The example of DSSE's protocol, version 1: its pre-authentication encoding and its signature. */
export const dsse = {
  payload: "hello world",
  payloadType: "http://example.com/HelloWorld",
  encoded: "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
  publicKey: {
    x: 46950820868899156662930047687818585632848591499744589407958293238635476079160n,
    y: 5640078356564379163099075877009565129882514886557779369047442380624545832820n,
  },
  /** r and s, 32 bytes each, in base64. */
  signature:
    "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==",
};

/** A version, and its bundle by PyPI's model-signing 1.1.1 with `--ignore-paths manifest.json`. */
export const signed = {
  files: {
    "config.json": '{"name":"known"}\n',
    "images.txt": "list\n",
    "images/a.svg": "chart\n",
    "model.safetensors": "weights\n",
  } as Record<string, string>,
  publicKey: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOFIKtbMDOvIDBH5S/sXcVHGswwvh
Z61hAYtD4OfhBTOWq2pP/vcZcsYetny06bTxMun1cyNvtFkOsqEYz/TlAw==
-----END PUBLIC KEY-----
`,
  bundle:
    `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"ecf4a1e6cdb552250ce08d596e6c2c6df621f40d8558021fbc3fcc10d8d768dd"},"tlogEntries":[]},"dsseEnvelope":{"payload":"ewogICJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwKICAic3ViamVjdCI6IFsKICAgIHsKICAgICAgIm5hbWUiOiAidiIsCiAgICAgICJkaWdlc3QiOiB7CiAgICAgICAgInNoYTI1NiI6ICIyNWNlMzJkMjQ1NjA1NWQxN2Q0MWRmMjAxYTRhMmJiOGRkODY0MmQ1YjJmMGMzYjg1M2Q3ZjA2YzgwYTk2ZTUyIgogICAgICB9CiAgICB9CiAgXSwKICAicHJlZGljYXRlVHlwZSI6ICJodHRwczovL21vZGVsX3NpZ25pbmcvc2lnbmF0dXJlL3YxLjAiLAogICJwcmVkaWNhdGUiOiB7CiAgICAicmVzb3VyY2VzIjogWwogICAgICB7CiAgICAgICAgIm5hbWUiOiAiY29uZmlnLmpzb24iLAogICAgICAgICJkaWdlc3QiOiAiYjE2Y2RkMjkyMDFjODc4MGVjOWIwMDNhN2U4YjkwMWM0ZGNiOWMwODMzMjdmMGVmMDQ1MjRhY2EyM2U3MGZmMCIsCiAgICAgICAgImFsZ29yaXRobSI6ICJzaGEyNTYiCiAgICAgIH0sCiAgICAgIHsKICAgICAgICAibmFtZSI6ICJpbWFnZXMvYS5zdmciLAogICAgICAgICJkaWdlc3QiOiAiZDZkMDVjNmMwZWYzODVhMDZhZmMxZmIwNGQyYjQyOGEwN2RlZWJlNjFlOGNkY2QwODQ1OTYzZDdkOTNhNmJmMyIsCiAgICAgICAgImFsZ29yaXRobSI6ICJzaGEyNTYiCiAgICAgIH0sCiAgICAgIHsKICAgICAgICAibmFtZSI6ICJpbWFnZXMudHh0IiwKICAgICAgICAiZGlnZXN0IjogIjdmZDA5MzU1Zjc5MDFjMGRiYTNhYWVjN2FlMDk1MGY3MWVkMzUwNjhkMTU0ZTBhOGY1Y2Y0ZThjYjlkZTdiZDQiLAogICAgICAgICJhbGdvcml0aG0iOiAic2hhMjU2IgogICAgICB9LAogICAgICB7CiAgICAgICAgIm5hbWUiOiAibW9kZWwuc2FmZXRlbnNvcnMiLAogICAgICAgICJkaWdlc3QiOiAiMWI0NjVmYTZiNmJjYmMwNmEzMTk5ZTNkMmQ4YWVjMzVkMzc0OTRhNzEyZjg4OGI2ZDU1MzY2ODRkZDg5ZDBmMCIsCiAgICAgICAgImFsZ29yaXRobSI6ICJzaGEyNTYiCiAgICAgIH0KICAgIF0sCiAgICAic2VyaWFsaXphdGlvbiI6IHsKICAgICAgIm1ldGhvZCI6ICJmaWxlcyIsCiAgICAgICJhbGxvd19zeW1saW5rcyI6IGZhbHNlLAogICAgICAiaWdub3JlX3BhdGhzIjogWwogICAgICAgICIuZ2l0aWdub3JlIiwKICAgICAgICAiLmdpdGh1YiIsCiAgICAgICAgIm1vZGVsLnNpZyIsCiAgICAgICAgIi5naXRhdHRyaWJ1dGVzIiwKICAgICAgICAiLmdpdCIsCiAgICAgICAgIm1hbmlmZXN0Lmpzb24iCiAgICAgIF0sCiAgICAgICJoYXNoX3R5cGUiOiAic2hhMjU2IgogICAgfQogIH0KfQ==","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEYCIQDkRBJMk2y9ba3We0po+OUc/Yf6Pcioqvz9BVK3IZZBywIhAIlHzGx3jF7n5I5yEsFhk1HD2xy5ZXfbss/Gxn8BEiJz","keyid":""}]}}`,
};
