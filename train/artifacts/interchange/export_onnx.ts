/**
 * ONNX export, whose library is loaded when a model is exported.
 * @module
 */
import { withPackages } from "../../../src/outside/packages.ts";
import type { StoredModel } from "../../../src/repository/model_directory.ts";

/**
 * Writes the ONNX files of a model into its directory.
 * @throws {PackageMissingError} if onnx-proto is not installed
 */
export async function exportOnnx(model: StoredModel): Promise<void> {
  const { writeOnnx } = await withPackages(
    "export ONNX",
    ["onnx-proto"],
    () => import("../onnx.ts"),
  );
  await writeOnnx(model);
}
