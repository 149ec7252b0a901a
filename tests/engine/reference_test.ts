import { createReferenceEngine } from "../../src/engine/reference.ts";
import { conformance } from "./conformance.ts";

conformance("reference", (model) => Promise.resolve(createReferenceEngine(model)));
