/** Calls a running service: generates threes, and has them classified. */
import { createClient } from "../../src/client/client.ts";

const client = createClient("http://localhost:8000");
const { images } = await client.generate({ label: 3, n: 16, seed: 1 });
const { labels } = await client.classify(images);
console.log(`read as: ${labels.join(" ")}`);
