/** The client in Deno, Node and Bun: what it got, as a line of JSON. @module */
import * as client from "@dbn-edge/dbn-edge/client";
import { callService } from "./client.js";

console.log(JSON.stringify(await callService(client, process.argv[2])));
