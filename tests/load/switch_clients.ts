/**
 * Clients that classify and generate without a pause, on a thread of their own, so that what they do does not
 * delay those who measure. Its first message says where, the second ends it; then it tells all answers.
 * @module
 */

/** Where and how many. */
export interface ClientsOptions {
  origin: string;
  /** Clients with one request at a time each. */
  clients: { classify: number; generate: number };
}

/** An answer, or what came instead. */
export interface Answer {
  kind: "classify" | "generate";
  /** Milliseconds of the wall clock, which threads share. */
  began: number;
  ended: number;
  /** NaN where none was named. */
  version: number;
  /** What is wrong with it; undefined of a whole 200. */
  fault?: string;
}

const digit = Uint8Array.from({ length: 784 }, (_, i) => (i * 37) % 256);
const headers = { "content-type": "application/octet-stream" };
const requests = {
  classify: ["/classify", { method: "POST", headers, body: digit }],
  generate: ["/generate?n=2&steps=200&thin=20&format=sse&seed=7", {}],
} as const;

/** What each version answered first: it always answers the same. */
const bodies = new Map<string, string>();

/** The clock of {@linkcode Answer}. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

async function ask(origin: string, kind: Answer["kind"]): Promise<Answer> {
  const [path, init] = requests[kind], began = clock();
  try {
    const response = await fetch(origin + path, init), body = await response.text();
    const version = Number(response.headers.get("model-version") ?? NaN);
    return { kind, began, ended: clock(), version, fault: faultOf(kind, version, response, body) };
  } catch (error) { // whatever it is, it is told
    return { kind, began, ended: clock(), version: NaN, fault: String(error) };
  }
}

function faultOf(
  kind: Answer["kind"],
  version: number,
  { status }: Response,
  body: string,
): string | undefined {
  if (status !== 200) return `HTTP status ${status}: ${body.slice(0, 200)}`;
  if (kind === "generate" && !/\nevent: done\n[^\n]*\n\n$/.test(body)) return "a stream was cut";
  const key = `${kind} ${version}`, first = bodies.get(key);
  if (first === undefined) bodies.set(key, body);
  return first === undefined || first === body
    ? undefined
    : `version ${version} answered ${first.slice(0, 100)}, and then ${body.slice(0, 100)}`;
}

/** Bodies that two versions gave alike: they would hide an answer by the wrong one. */
function alike(): string[] {
  const own = new Map([...bodies].map(([key, body]) => [body, key]));
  return [...bodies].filter(([key, body]) => own.get(body) !== key)
    .map(([key, body]) => `${key} and ${own.get(body)} answer the same`);
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ClientsOptions | null>) => void) | null;
  postMessage(message: { answers: Answer[]; alike: string[] }): void;
};

if ("onmessage" in globalThis && !("window" in globalThis)) {
  let isOver = false;
  scope.onmessage = async ({ data }) => {
    if (!data) return void (isOver = true);
    const { origin, clients } = data, answers: Answer[] = [];
    const client = async (kind: Answer["kind"]) => {
      while (!isOver) answers.push(await ask(origin, kind));
    };
    await Promise.all([
      ...Array.from({ length: clients.classify }, () => client("classify")),
      ...Array.from({ length: clients.generate }, () => client("generate")),
    ]);
    scope.postMessage({ answers, alike: alike() });
  };
}
