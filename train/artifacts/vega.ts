/**
 * Charts as SVG text, drawn by Vega from a Vega-Lite specification: no canvas, no browser.
 * Satyanarayan et al. (2017), "Vega-Lite: a grammar of interactive graphics".
 *
 * Both packages are named here alone and not in deno.json, so that serving never fetches them, and are
 * loaded when the first chart is drawn.
 * @module
 */
import type { Config, TopLevelSpec } from "npm:vega-lite@6.5.0";
import { withPackages } from "../../src/outside/packages.ts";

/** A chart as Vega-Lite describes it. */
export type Chart = TopLevelSpec;

/** Type and rules of every chart, readable at the size of a page. */
const config: Config = {
  aria: false, // the card's alternative text says what is seen; a label a mark would double the file
  background: "white",
  font: "Helvetica, Arial, sans-serif",
  padding: 12,
  axis: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
    gridColor: "#e4e4e4",
    domainColor: "#666",
    tickColor: "#666",
  },
  legend: {
    labelFontSize: 12,
    titleFontSize: 12,
    labelLimit: 0,
    symbolSize: 80,
    symbolStrokeWidth: 3,
  },
  title: { fontSize: 14, subtitleFontSize: 12, subtitleColor: "#555", anchor: "start", offset: 8 },
  view: { stroke: null },
};

/** Draws a chart. @returns an SVG document. */
export async function renderSvg(chart: Chart): Promise<string> {
  const [vega, vegaLite] = await withPackages(
    "draw a chart",
    ["vega", "vega-lite"],
    () => Promise.all([import("npm:vega@6.4.0"), import("npm:vega-lite@6.5.0")]),
  );
  const { spec } = vegaLite.compile(chart, { config });
  const view = new vega.View(vega.parse(spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}
