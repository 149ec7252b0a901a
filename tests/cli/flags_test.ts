import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Command, runCommand } from "../../src/cli/command.ts";
import {
  FlagError,
  type FlagTable,
  parseFlags,
  type PositionalTable,
  UnknownNameError,
} from "../../src/cli/flags.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { nearest } from "../../src/cli/nearest.ts";

const table: FlagTable = {
  name: { kind: "string", help: "what it is called", default: "x" },
  engine: { kind: "string", group: "How", help: "what computes", choices: ["simd", "tfjs"] },
  rate: { kind: "number", group: "How", help: "how fast", range: [0, 1] },
  sizes: { kind: "integers", help: "how many", range: [1, 9] },
  quiet: { kind: "boolean", help: "no words" },
};

Deno.test("a flag takes an empty text and a negative number as its value", () => {
  assertEquals(parseFlags(["--name", ""], table).name, "");
  assertEquals(parseFlags(["--name="], table).name, "");
  const error = assertThrows(() => parseFlags(["--rate", "-1"], table), FlagError);
  assertEquals(error.message, '--rate must be a number in [0, 1], got "-1"');
});

Deno.test("flags that were not given have no value, but for booleans", () => {
  assertEquals(parseFlags([], table), { help: false, quiet: false });
  const given = ["--quiet", "--sizes", "1,9", "--engine=tfjs", "--rate", "0.5"];
  const { quiet, sizes, engine, rate } = parseFlags(given, table);
  assertEquals([quiet, sizes, engine, rate], [true, [1, 9], "tfjs", 0.5]);
});

const refused: [string[], string][] = [
  [["--engine", "smd"], '--engine must be one of simd, tfjs, got "smd"'],
  [["--engine", ""], '--engine must be one of simd, tfjs, got ""'],
  [["--rate", "1.5"], '--rate must be a number in [0, 1], got "1.5"'],
  [["--sizes", "3,10"], '--sizes must be an integer in [1, 9], got "10"'],
  [["--sizes", "3,"], '--sizes must be an integer in [1, 9], got ""'],
  [["--rate"], "--rate needs a value"],
  [["--rate", "1", "--rate", "0"], "--rate must be given once, got 2 times"],
];
for (const [args, message] of refused) {
  Deno.test(`a flag is refused: ${args.join(" ")}`, () => {
    assertEquals(assertThrows(() => parseFlags(args, table), FlagError).message, message);
  });
}

Deno.test("an unknown flag is refused, with its name alone to look for the nearest by", () => {
  const error = assertThrows(() => parseFlags(["--enigne=simd"], table), UnknownNameError);
  assertEquals(error.given, "--enigne");
  assertEquals(nearest(error.given, error.known), "--engine");
});

Deno.test("the nearest of names is one within a slip or two, or none", () => {
  assertEquals(nearest("trian", ["train", "card"]), "train");
  assertEquals(nearest("--prot", ["--host", "--port"]), "--port");
  assertEquals(nearest("cifar", ["train", "evaluate"]), undefined);
  assertEquals(nearest("x", []), undefined);
});

Deno.test("help has every flag once, under its group, with kind, values and default", () => {
  const help = commandHelp({ usage: "deno task try [flags]", about: "Tries.", flags: table });
  const lines = help.split("\n").map((line) => line.trim().replace(/ {2,}/g, " | "));
  assertEquals(lines, [
    ...["Usage: deno task try [flags]", "", "Tries.", ""],
    ...["Flags:", "--name TEXT | what it is called [x]"],
    ...["--sizes INTEGER,… | how many (in [1, 9])", "--quiet | no words"],
    ...["--help | this text; -h for short", ""],
    ...["How:", "--engine TEXT | what computes (simd, tfjs)"],
    ...["--rate NUMBER | how fast (in [0, 1])", ""],
  ]);
});

Deno.test("help is printed wherever it is asked for, and nothing runs", async () => {
  const command: Command = {
    usage: "try",
    about: "Tries.",
    flags: table,
    run: () => Promise.reject(new Error("it ran")),
  };
  const printed: string[] = [], { log } = console;
  console.log = (text) => printed.push(text);
  try {
    for (const args of [["-h"], ["--help"], ["--rate", "fast", "-h"]]) {
      assertEquals(await runCommand(command, args), 0);
    }
  } finally {
    console.log = log;
  }
  assertEquals(printed.length, 3);
  assert(printed.every((text) => text.startsWith("Usage: try")));
});

const places: PositionalTable = {
  directory: { kind: "path", help: "directory of a version" },
  version: { kind: "integer", help: "its number", range: [1, 99], isOptional: true },
};

Deno.test("positional arguments stand before, between and after flags, in their order", () => {
  for (
    const args of [
      ["models/a", "7", "--rate", "1", "--quiet"],
      ["--quiet", "models/a", "--rate=1", "7"],
      ["--rate", "1", "--quiet", "models/a", "7"],
      ["--rate", "1", "--quiet", "--", "models/a", "7"],
    ]
  ) {
    const { directory, version, rate, quiet } = parseFlags(args, table, places);
    assertEquals([directory, version, rate, quiet], ["models/a", 7, 1, true], args.join(" "));
  }
  assertEquals(parseFlags(["12"], table, places).directory, "12");
  assertEquals(parseFlags(["--", "--odd"], table, places).directory, "--odd");
});

const misplaced: [string[], PositionalTable, string][] = [
  [[], places, "DIRECTORY must be given: directory of a version"],
  [[""], places, 'DIRECTORY must be a path, got ""'],
  [["a", "b"], places, 'VERSION must be an integer in [1, 99], got "b"'],
  [["a", "0"], places, 'VERSION must be an integer in [1, 99], got "0"'],
  [["a", "1", "c"], places, "Unknown argument c: it takes DIRECTORY VERSION and flags"],
  [["a", "--", "1", "c"], places, "Unknown argument c: it takes DIRECTORY VERSION and flags"],
  [["--", "c"], {}, "Unknown argument c: it takes flags alone"],
  [
    ["--", "--rate", "1"],
    {},
    "Unknown argument --rate: what follows -- is no flag; leave out the --",
  ],
];
for (const [args, positionals, message] of misplaced) {
  Deno.test(`positional arguments are refused: ${JSON.stringify(args)} of [${Object.keys(positionals)}]`, () => {
    const error = assertThrows(() => parseFlags(args, table, positionals), FlagError);
    assertEquals(error.message, message);
  });
}

Deno.test("an unknown flag is found beside positional arguments", () => {
  const error = assertThrows(() => parseFlags(["a", "--rat=1"], table, places), UnknownNameError);
  assertEquals(nearest(error.given, error.known), "--rate");
});

Deno.test("a flag that may be repeated has a list", () => {
  const keys: FlagTable = { key: { kind: "path", help: "a key", isRepeatable: true } };
  assertEquals(parseFlags(["--key", "a", "--key=b"], keys).key, ["a", "b"]);
  assertEquals(parseFlags(["--key", "a"], keys).key, ["a"]);
  assertEquals(parseFlags([], keys).key, undefined);
  const error = assertThrows(() => parseFlags(["--key", "a", "--key", ""], keys), FlagError);
  assertEquals(error.message, '--key must be a path, got ""');
});

Deno.test("a flag that a command needs is asked for, and help says so", () => {
  const flags: FlagTable = { key: { kind: "path", help: "a key", isRequired: true } };
  assertEquals(parseFlags(["--key", "a"], flags).key, "a");
  const error = assertThrows(() => parseFlags([], flags), FlagError);
  assertEquals(error.message, "--key must be given: a key");
  const help = commandHelp({ usage: "try", about: "Tries.", flags });
  assert(help.includes("  --key PATH  a key (must be given)\n"), help);
});

Deno.test("help has positional arguments before the flags", () => {
  const flags: FlagTable = { key: { kind: "path", help: "a key", isRepeatable: true } };
  const help = commandHelp({ usage: "try", about: "Tries.", positionals: places, flags });
  assertEquals(help.split("\n").slice(4), [
    "Arguments:",
    "  DIRECTORY   directory of a version",
    "  VERSION     its number (in [1, 99]) (may be left out)",
    "",
    "Flags:",
    "  --key PATH  a key (may be given several times)",
    "  --help      this text; -h for short",
    "",
  ]);
});
