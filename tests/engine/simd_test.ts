import { createSimdEngine } from "../../src/engine/simd/simd.ts";
import { conformance } from "./conformance.ts";

conformance("simd", (model) => Promise.resolve(createSimdEngine(model)));
