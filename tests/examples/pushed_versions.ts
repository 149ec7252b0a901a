/** Serves the versions that a repository's aliases name. */
import { createApp } from "../../mod.ts";
import { openRepository, openServing } from "../../src/server.ts";

const repository = () => openRepository("models");
const { models } = await openServing({ repository });
const app = createApp({ models, openRepository: repository });
const response = await app.request("/generate?label=3&seed=1");
console.log(response.headers.get("model-version"), (await response.bytes()).length);
models.dispose();
