/**
 * `GET /`: what this service is and how to call it, with digits of its own.
 * @module
 */
import { Hono } from "hono";
import { html } from "hono/html";
import type { RequestIdVariables } from "hono/request-id";
import type { VersionedInput } from "../../api/requests.ts";
import type { Service } from "../service.ts";
import { type Answer, takes } from "../typed.ts";
import { type VersionEnv, withVersion } from "../versions.ts";

/** curl commands for a running server, one a line. */
export function curlExamples(origin: string): string[] {
  return [
    `curl '${origin}/generate?label=3&n=16&seed=1' -o threes.png`,
    `curl '${origin}/classify' -H 'content-type: image/png' --data-binary @digit.png`,
    `curl -N '${origin}/generate?label=7&steps=200&format=sse'`,
  ];
}

/** The routes of this resource. */
export function indexRoutes(service: Service) {
  const app = new Hono<VersionEnv & { Variables: RequestIdVariables }>();
  const version = withVersion(service, (c) => c.get("requestId"));
  return app.get("/", version, takes<VersionedInput>(), (c) => {
    const { name, version, architecture } = c.get("version").served.config;
    // A Host header can be anything; the page names the server only where it is an address.
    const origin = URL.canParse(c.req.url) ? new URL(c.req.url).origin : "http://localhost:8000";
    const examples = curlExamples(origin).join("\n");
    const page = c.html(html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${name}</title>
<style>body{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem}
pre{background:#f4f4f4;padding:1rem;overflow:auto}img{image-rendering:pixelated}</style>
<h1>${name}, version ${version}</h1>
<p>A Deep Belief Network ${architecture.layers.join("-")}-${architecture.top} that recognises digits
and dreams them. These are dreams, nine of each class:</p>
${
      architecture.labels.map((label, i) =>
        html`<img src="/generate?label=${i}&n=9&seed=1&version=${version}" alt="samples of ${label}">`
      )
    }
<pre>${examples}</pre>
<p>Also: <a href="/model">/model</a>, <a href="/health/ready">/health/ready</a>.</p>
</html>`);
    return page as unknown as Answer<string, 200, "text">;
  });
}
