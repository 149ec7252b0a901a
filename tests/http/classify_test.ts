import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { mnist } from "../../src/data/mnist.ts";
import { encodeGrayPng } from "../../src/image/encode_png.ts";
import { bytesBody, digit, jsonBody, testApp, tinyEngine } from "./harness.ts";

const { app } = testApp();

async function classify(init: RequestInit) {
  const response = await app.request("/classify", init);
  assertEquals(response.status, 200, await response.clone().text());
  return await response.json();
}

Deno.test("an answer has the label, both models' probabilities and the free energies", async () => {
  const { model, engine, images: [image] } = await classify(jsonBody({ pixels: digit }));
  assertEquals(model, { name: "tiny", version: 1 });
  assertEquals(engine, "reference");
  const scaled = Float32Array.from(digit, (pixel) => pixel / 255);
  const probabilities = await tinyEngine.classifierProbabilities(scaled);
  assertEquals(image.classifier.probabilities, [...probabilities]);
  assertEquals(image.label, probabilities.indexOf(Math.max(...probabilities)));
  assertEquals(image.label, image.classifier.label);
  assertEquals(image.joint.freeEnergies.length, 10);
  const lowest = image.joint.freeEnergies.indexOf(Math.min(...image.joint.freeEnergies));
  assertEquals(image.joint.label, lowest);
  assertAlmostEquals(image.joint.probabilities.reduce((a: number, b: number) => a + b), 1, 1e-5);
});

Deno.test("one image, many images, bytes and scaled pixels give the same answer", async () => {
  const [one] = (await classify(jsonBody({ pixels: digit }))).images;
  const many = (await classify(jsonBody({ pixels: [digit, digit, digit] }))).images;
  assertEquals(many, [one, one, one]);
  const bytes = Uint8Array.from([...digit, ...digit]);
  assertEquals((await classify(bytesBody("application/octet-stream", bytes))).images, [one, one]);
  const scaled = { pixels: digit.map((pixel) => pixel / 255), divisor: 1 };
  const [other] = (await classify(jsonBody(scaled))).images;
  assertAlmostEquals(other.joint.freeEnergies[0], one.joint.freeEnergies[0], 1e-4);
});

Deno.test("a PNG of an MNIST digit classifies as its bytes do", async () => {
  const { images } = await mnist().load({ split: "test[:20]" });
  const bytes = await classify(bytesBody("application/octet-stream", images.slice()));
  for (let i = 0; i < 20; i++) {
    const data = images.slice(i * 784, (i + 1) * 784);
    const png = encodeGrayPng({ data, width: 28, height: 28 });
    assertEquals((await classify(bytesBody("image/png", png))).images[0], bytes.images[i]);
  }
});

Deno.test("a large dark-on-light PNG is fitted first", async () => {
  const { images: [image] } = await mnist().load({ split: "test[:1]" })
    .then(({ images }) => ({ images: [images.slice(0, 784)] }));
  const size = 28 * 5, data = new Uint8Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      data[y * size + x] = 255 - image[Math.floor(y / 5) * 28 + Math.floor(x / 5)];
    }
  }
  const big = await classify(
    bytesBody("image/png", encodeGrayPng({ data, width: size, height: size })),
  );
  const plain = await classify(bytesBody("application/octet-stream", image));
  assertEquals(big.images[0].label, plain.images[0].label);
});

Deno.test("media type parameters and case do not matter", async () => {
  for (const type of ["application/json; charset=utf-8", "Application/JSON"]) {
    const init = { ...jsonBody({ pixels: digit }), headers: { "content-type": type } };
    assertEquals((await classify(init)).images.length, 1);
  }
  const body = { ...bytesBody("application/octet-stream", Uint8Array.from(digit)) };
  body.headers = { "content-type": "application/octet-stream", "content-encoding": "identity" };
  assert((await classify(body)).images.length === 1);
});
