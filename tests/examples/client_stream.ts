/** Watches a chain of a running service, and leaves it when it is content. */
import { createClient, ServiceError } from "../../src/client/client.ts";

const client = createClient("http://localhost:8000", { timeoutMs: 10_000 });
try {
  for await (const { step, steps, labels, png } of client.stream({ label: 7, steps: 200 })) {
    console.log(`${step} of ${steps}: read as ${labels[0]}, a PNG of ${png.length} bytes`);
    if (step >= 100 && labels[0] === 7) break; // the service stops sampling
  }
  await client.generate({ label: 12 });
} catch (error) {
  if (!(error instanceof ServiceError)) throw error;
  const { parameter, max, value } = error.problem;
  console.log(`${error.status}: ${parameter} is ${value}, at most ${max}`);
}
