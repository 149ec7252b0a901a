/** The client in a Worker: its answer is what it got. @module */
import * as client from "@dbn-edge/dbn-edge/client";
import { callService } from "./client.js";

export default {
  async fetch(request) {
    const url = new URL(request.url).searchParams.get("service");
    return Response.json(await callService(client, url));
  },
};
