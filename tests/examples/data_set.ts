/** Batches of MNIST, and a page of its images. */
import { flattenImage, mnist } from "../../mod.ts";
import { showExamples } from "../../train/mod.ts";

const dataset = await mnist().asDataset({ split: "train[:50000]" });
const batches = dataset.map(flattenImage()).shuffle({ seed: 1 }).batch(100);
for await (const { images, labels } of batches.take(1)) console.log(images.length, labels.length);
await Deno.writeFile("digits.png", await showExamples(dataset, { rows: 4, columns: 8 }));
