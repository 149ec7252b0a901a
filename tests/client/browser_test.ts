/** The client on a page of another origin, in Chromium. Skipped with a word where that is missing. */
import { assertEquals } from "@std/assert";
import { createClient } from "../../src/client/client.ts";
import { decodePng } from "../../src/image/png.ts";
import { bundle, entry } from "./bundle.ts";
import { closedAddress, eventually, running, serveApp, serveBy } from "./running_app.ts";

const chromium = await findChromium();
if (!chromium) console.log("the test of the client in a browser is skipped: Chromium is missing");

/** The program of Chromium, where it is installed. */
async function findChromium(): Promise<string | undefined> {
  for (const program of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      const { success } = await new Deno.Command(program, { args: ["--version"] }).output();
      if (success) return program;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** Runs a module on a page, and tells what it posts to `/report`. @throws {Error} if it posts nothing in 60 s */
async function runOnPage(program: string, files: Record<string, string>): Promise<unknown> {
  const reported = Promise.withResolvers<unknown>();
  const page = `<!doctype html><script type="module">${program}</script>`;
  await using server = serveBy(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/report") {
      reported.resolve(await request.json());
      return new Response();
    }
    const type = pathname === "/" ? "text/html" : "text/javascript";
    const body = pathname === "/" ? page : files[pathname];
    return new Response(body, { status: body ? 200 : 404, headers: { "content-type": type } });
  });
  const profile = await Deno.makeTempDir({ prefix: "browser " });
  const browser = new Deno.Command(chromium!, {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      ...["--no-first-run", `--user-data-dir=${profile}`, server.url],
    ],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  const timer = setTimeout(() => reported.reject(new Error("the page said nothing")), 60_000);
  try {
    return await reported.promise;
  } finally {
    clearTimeout(timer);
    browser.kill("SIGTERM");
    await browser.status;
    await Deno.remove(profile, { recursive: true });
  }
}

const program = (url: string, narrow: string, closed: string) => `
import { createClient, ServiceError } from "/client.js";
const report = (value) => fetch("/report", { method: "POST", body: JSON.stringify(value) });
try {
  const client = createClient("${url}", { token: "dbn_x" });
  const options = { label: 3, n: 2, steps: 20, seed: 1 };
  const { images, labels } = await client.generate(options);
  const { png, seed, version } = await client.generate({ ...options, format: "png", version: 1 });
  const { width } = await createImageBitmap(new Blob([png]));
  const read = await client.classify(images);
  const picture = await client.classify(new Blob([png], { type: "image/png" }));
  const frames = [];
  for await (const { step, seed } of client.stream({ n: 5, steps: 9000, thin: 1, scale: 1, seed: 4 })) {
    frames.push([step, seed]);
    if (step === 3) break;
  }
  const failure = (call) => call.catch((error) => error);
  const refused = await failure(client.generate({ label: 12 }));
  const narrow = createClient("${narrow}", { maxRetries: 0 });
  const running = narrow.stream({ n: 5, steps: 9000, thin: 1, scale: 1 });
  await running.next();
  const full = await failure(narrow.generate({ steps: 2 }));
  await running.return();
  const gone = await failure(createClient("${closed}").ready());
  const aborted = await failure(client.ready({ signal: AbortSignal.abort() }));
  await report({
    labels, png: png.length, seed, version, width, read: read.images, picture: picture.labels, frames,
    refused: [refused instanceof ServiceError, refused.status, refused.problem.max],
    full: [full.status, full.retryAfterMs], gone: gone.kind, aborted: aborted.name,
  });
} catch (error) {
  await report(String(error.stack));
}`;

Deno.test({
  name: "a page of another origin calls the service, reads its headers and leaves its streams",
  ignore: !chromium,
  fn: async () => {
    await using server = serveApp();
    await using narrow = serveApp({ bounds: { maxRunning: 1, maxWaiting: 0 } });
    const { text } = await bundle(entry);
    const said = await runOnPage(program(server.url, narrow.url, closedAddress()), {
      "/client.js": text,
    });
    await eventually(async () => await running(server.url) === 0);
    const client = createClient(server.url), options = { label: 3, n: 2, steps: 20, seed: 1 };
    const { images, labels } = await client.generate(options);
    const { png } = await client.generate({ ...options, format: "png" });
    assertEquals(said, {
      labels,
      png: png.length,
      ...{ seed: 1, version: 1, width: (await decodePng(png)).width },
      read: (await client.classify(images)).images,
      picture: (await client.classify(png)).labels,
      frames: [[1, 4], [2, 4], [3, 4]],
      refused: [true, 400, 9],
      full: [503, 1000],
      ...{ gone: "connection", aborted: "AbortError" },
    });
  },
});
