/**
 * What an SVG shows, read by an XML parser that we did not write.
 * @module
 */
import { DOMParser, type Element } from "npm:@xmldom/xmldom@0.9.12";

/** An SVG taken apart. */
export interface Drawing {
  /** Every text, in order of drawing. */
  texts: string[];
  /** The path of each line mark, with what it looks like. */
  lines: { path: string; stroke: string; dash: string }[];
  /** Colours and outlines of the point marks. */
  points: { fill: string; path: string }[];
  width: number;
  height: number;
}

/** @throws if the text is not well-formed XML, has another root than svg, or numbers that are none. */
export function readSvg(text: string): Drawing {
  const fail = (_: string, message: string) => {
    throw new Error(message);
  };
  const root = new DOMParser({ onError: fail }).parseFromString(text, "image/svg+xml")
    .documentElement!;
  if (root.localName !== "svg") throw new Error(`The root must be svg, got ${root.localName}`);
  const all = [...root.getElementsByTagName("*")] as Element[];
  for (const element of all) {
    for (const { name, value } of [...element.attributes]) {
      if (/NaN|Infinity|undefined|null/.test(value)) throw new Error(`${name} is ${value}`);
    }
  }
  const inside = (element: Element, role: string) => {
    let node = element.parentNode as Element | null;
    for (; node?.getAttribute; node = node.parentNode as Element | null) {
      if ((node.getAttribute("class") ?? "").split(" ").includes(role)) return true;
    }
    return false;
  };
  const paths = all.filter((element) =>
    element.localName === "path" && inside(element, "role-mark") && element.hasAttribute("d")
  );
  const get = (element: Element, name: string) => element.getAttribute(name) ?? "";
  return {
    texts: all.filter(({ localName }) => localName === "text").map((node) =>
      node.textContent ?? ""
    ),
    lines: paths.filter((element) => inside(element, "mark-line")).map((element) => ({
      path: get(element, "d"),
      stroke: get(element, "stroke"),
      dash: get(element, "stroke-dasharray"),
    })),
    points: paths.filter((element) => inside(element, "mark-symbol")).map((element) => ({
      fill: get(element, "fill"),
      path: get(element, "d"),
    })),
    width: Number(get(root, "width")),
    height: Number(get(root, "height")),
  };
}

/** The corners of a line's path, in pixels of its panel. */
export function corners(path: string): [x: number, y: number][] {
  return path.split(/[ML]/).filter(Boolean).map((pair) =>
    pair.split(",").map(Number) as [number, number]
  );
}
