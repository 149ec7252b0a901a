import { createTfjsEngine } from "../../src/engine/tfjs.ts";
import { conformance } from "./conformance.ts";

conformance("tfjs", createTfjsEngine);
