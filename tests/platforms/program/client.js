/**
 * What every runtime asks of a service by the package's client: pixels, a picture, a stream that it leaves, and
 * failures. It is handed the client, so that it runs on a checkout too.
 * @module
 */

/**
 * @param {typeof import("../../../src/client/client.ts")} client
 * @param {string} url of the service
 */
export async function callService({ createClient, ServiceError }, url) {
  const service = createClient(url, { token: "dbn_x" });
  const options = { label: 3, n: 2, steps: 50, seed: 1 };
  const { images, labels } = await service.generate(options);
  const { png, seed, version } = await service.generate({ ...options, format: "png" });
  const read = await service.classify(images);
  const picture = await service.classify(new Blob([png]));
  const steps = [];
  for await (const { step } of service.stream({ n: 5, steps: 9000, thin: 1, scale: 1 })) {
    steps.push(step);
    if (step === 3) break;
  }
  const failure = async (call) => {
    const error = await call.catch((error) => error);
    return error instanceof ServiceError ? [error.kind, error.status] : error.name;
  };
  return {
    labels,
    picture: { bytes: png.length, seed, version, labels: picture.labels },
    read: read.images.map(({ joint }) => joint.freeEnergies),
    steps,
    refused: await failure(service.generate({ label: 12 })),
    aborted: await failure(service.ready({ signal: AbortSignal.abort() })),
  };
}
