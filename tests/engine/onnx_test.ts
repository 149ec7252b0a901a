import { createOnnxEngine } from "../../src/engine/onnx.ts";
import { conformance } from "./conformance.ts";

conformance("onnx", createOnnxEngine);
