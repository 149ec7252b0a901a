/** Calls a running service by Hono's client. */
import { hc } from "hono/client";
import type { AppType } from "../../mod.ts";

const service = hc<AppType>("http://localhost:8000");
const query = { label: "3", n: "2", seed: "1", format: "json" } as const;
const response = await service.generate.$get({ query });
if (response.status === 200) {
  const { labels, pixels } = await response.json();
  console.log(`read as: ${labels.join(" ")}, ${pixels[0].length} pixels each`);
} else if (response.status === 503) {
  console.log(`no place: ${(await response.json()).reason}`);
}
