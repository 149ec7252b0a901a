/** Digits from AWS Lambda: behind a function URL or an API gateway, on Node. */
import { createApp, loadModel, openEngine } from "@dbn-edge/dbn-edge";
import { handle } from "hono/aws-lambda";

const model = await loadModel();
export const handler = handle(createApp({ model, engine: await openEngine(model) }));
