/**
 * The field's terms in names, comments and documents, and none of the private words in their place.
 * docs/glossary.md has both; its last section alone may name the private ones.
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { documents, root } from "./documents.ts";

/** A private word: where it is found, and what its sense is called instead. */
interface PrivateWord {
  instead: string;
  pattern: RegExp;
  /** Text that holds the word in its private sense. */
  found: string[];
  /** English, or a term of the field. */
  allowed: string[];
}

const privateWords: Record<string, PrivateWord> = {
  turn: {
    instead: "transpose",
    pattern:
      /\bturn(?:ed)?[A-Z0-9]\w*|\bturned\b(?! (?:off|on|into|out|away))|\bturns? (?:a|an|the|each|its) (?:\d+\D\d+ )?(?:matrix|panel|block|weights)\b/,
    found: [
      ...["turnPanel(to, from);", "turn32x32(block)", "const turned = weights;"],
      ...["as the RBM below, turned over", "// turns a panel so that rows are units"],
    ],
    allowed: [
      ...["return rows;", "takeTurns(ours, theirs)", "by turns", "turns the flag into a value"],
      ...["turned off", "turns.push(own)"],
    ],
  },
  meet: {
    instead: "barrier wait",
    pattern:
      /\bmeet\(|[{,] meet\b|\bmeet(?=[,`])|\b(?:meets?|met|meeting)\b[^.\n]{0,30}\bbarriers?\b/,
    found: [
      ...["meet(b.barrier, worker);", "import { meet, shareStart } from", "after the last `meet`"],
      ...["workers meet at a spinning barrier", 'import { Barrier, meet } from "../simd/barrier";'],
    ],
    allowed: ["the target is met", "rules that AssemblyScript cannot meet", "meeting a deadline"],
  },
  take: {
    instead: "claim",
    pattern:
      /\btake\([\w.]*(?:barrier\b|b,)|\btake\b[^"\n]*from "[^"\n]*barrier"|\btak(?:e|es|ing) (?:a|the|the next|its next) panel\b|\bpanels? (?:that )?(?:this|a|each) worker (?:takes|took)\b|\bpanels?\b[^.,\n]{0,24}\btaken\b/,
    found: [
      ...["take(r.barrier, worker, panel)", 'import { meet, take } from "../simd/barrier";'],
      ...["a worker takes the next panel", "in the panels that this worker takes"],
      ...["panels of the data have been taken"],
    ],
    allowed: [
      ...["dataset.take(1)", "takeTensor(file, name)", "it takes 20 minutes", "take(name, 3)"],
      ...["inputs taken as panels"],
    ],
  },
  gain: {
    instead: "log importance weight, or batch-norm scale γ",
    pattern:
      /(?<!\b(?:[Ll]abel|without|no) )\b(?!again\b)(?:gains?(?:[A-Z]\w*)?|(?!label)[a-z]\w*Gains?(?:[A-Z]\w*)?)\b/,
    found: [
      ...["r.gains + 8", "gainFirst", "addTemperatureGains(r)", "const gain = own - its;"],
      ...["times a gain that starts at 1", "gainOf(r, row)"],
    ],
    allowed: [
      ...["labelGain(step)", "the label gain of step 3", "gained nothing", "once again"],
      ...["against", "labelGains", "Tried without gain."],
    ],
  },
  reach: {
    instead: "epsilon",
    pattern:
      /\.reach\b|\breach(?=\s*(?:[:,)*·]|=[^>]))|(?<!formerly: "|[Ff]ineTuning[.,].*)\b\w+Reach\b|`reach`/,
    found: [
      ...["b.reach", "reach: number,", "adversarialReach", "moved by `reach` up the loss"],
      ...["inputs + reach·sign(gradient)", "const reach = 0.1;"],
    ],
    allowed: [
      "cannot be reached",
      "to reach the server",
      "chains reach the mode",
      "reaches 0",
      'formerly: "adversarialReach"',
    ],
  },
  follow: {
    instead: "momentum",
    pattern:
      /\.follow\b|\bFOLLOW\b|\bfollow(?=\s*(?:[:;,*]|=[^>]))(?! \*\/)|`follow`|\b[Hh]ow fast [^.\n]{0,60}\bfollows?\b/,
    found: [
      ...["b.follow", "const FOLLOW = 0.01;", "follow: f32;", "follow = 0,"],
      ...["How fast the running means follow those of a batch"],
    ],
    allowed: ["chains follow p(v|y)", "what follows", "the update follows", "as the steps follow"],
  },
  drive: {
    instead: "label gain",
    pattern: /\bdrive(?:[A-Z]\w*)?\b|\bdriven\b(?! by)|\b[a-z]\w*Drive\b|\b\w+_DRIVE\b/,
    found: [
      ...[
        "labelDrive(step)",
        "drive: Float32Array",
        "const driven = 2;",
        "driveLabels(labels)",
        "LABEL_DRIVE = 4",
      ],
    ],
    allowed: ["train/ drives this half", "a driver", "driven by the schedule"],
  },
  judge: {
    instead: "evaluation classifier",
    pattern:
      /(?<!["'`/]|\btask |\brecipe )\b[Jj]udge(?:[sd]|[A-Z]\w*)?\b(?!["'`/.]py|["'`/])|\bis the judge\b/,
    found: [
      ...[
        "the judge of samples",
        "const judge = read();",
        "judgeError",
        "samples are judged by it",
      ],
    ],
    allowed: ["tests/judges/run.sh", "deno task judge", "tests/judges/judge.py", '"judge"'],
  },
};

/** Every place in `text` where a private word stands, as `line: word`. */
function findPrivate(text: string, words = Object.entries(privateWords)): string[] {
  return words.flatMap(([word, { instead, pattern }]) =>
    [...text.matchAll(new RegExp(pattern, `g${pattern.flags}`))].map((match) => {
      const line = text.slice(0, match.index).split("\n").length;
      return `${line}: "${match[0]}": not ${word}, but ${instead}`;
    })
  );
}

/** What our authors wrote: code, tests, documents; without what programs wrote, and this file. */
async function writtenFiles(): Promise<string[]> {
  const files = [...documents];
  for (const directory of ["src", "train", "tools", "tests"]) files.push(...await walk(directory));
  return files.filter((path) => path !== "tests/words_test.ts");
}

async function walk(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, directory))) {
    const path = `${directory}/${name}`;
    if (isDirectory && name !== "generated") found.push(...await walk(path));
    else if (/\.(ts|py|sh|json)$/.test(name)) found.push(path);
  }
  return found;
}

for (const [word, row] of Object.entries(privateWords)) {
  Deno.test(`${word} is found in its private sense, and passes in every other`, () => {
    const only: [string, PrivateWord][] = [[word, row]];
    assertEquals(row.found.filter((text) => findPrivate(text, only).length === 0), []);
    assertEquals(row.allowed.filter((text) => findPrivate(text, only).length > 0), []);
  });
}

Deno.test("no private word stands anywhere but at the end of the glossary", async () => {
  const found: string[] = [];
  for (const path of await writtenFiles()) {
    const text = await Deno.readTextFile(join(root, path));
    const own = path === "docs/glossary.md" ? text.slice(0, text.indexOf("## Words that")) : text;
    found.push(...findPrivate(own).map((place) => `${path}:${place}`));
  }
  assertEquals(found, []);
});
