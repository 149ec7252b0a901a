/**
 * Minimisation by nonlinear conjugate gradients: Polak and Ribière's directions, restarted where they
 * do not descend, and line searches by the strong Wolfe conditions.
 * Nocedal, Wright (2006), "Numerical optimization", algorithms 5.4, 3.5 and 3.6.
 * @module
 */

/** A function's value and its gradient at a point. */
export interface Valued {
  value: number;
  gradient: Float64Array;
}

/** What {@linkcode minimize} found. */
export interface Minimum extends Valued {
  point: Float64Array;
  /** Times that the function was evaluated. */
  evaluations: number;
}

/** Constants of the Wolfe conditions for conjugate gradients: sufficient decrease and curvature. */
const DECREASE = 1e-4, CURVATURE = 0.1;
const MAX_EVALUATIONS = 20;

/** At most `searches` line searches from `start`; fewer where no step descends. */
export function minimize(
  f: (point: Float64Array) => Valued,
  start: Float64Array,
  searches: number,
): Minimum {
  let evaluations = 0;
  const evaluate = (point: Float64Array) => (evaluations++, f(point));
  let point = start, { value, gradient } = evaluate(point);
  let direction = gradient.map((g) => -g);
  let step = 1 / (1 + Math.sqrt(dot(gradient, gradient)));
  for (let i = 0; i < searches; i++) {
    let slope = dot(gradient, direction);
    if (slope >= 0) {
      direction = gradient.map((g) => -g);
      slope = -dot(gradient, gradient);
    }
    if (slope === 0) break;
    const found = search(evaluate, point, direction, { value, gradient }, slope, step);
    if (!found) break;
    // The next search expects as much of a change as this one made.
    const before = slope, previous = gradient;
    ({ point, value, gradient, step } = found);
    const beta = Math.max(
      0,
      (dot(gradient, gradient) - dot(gradient, previous)) / dot(previous, previous),
    );
    direction = direction.map((d, j) => beta * d - gradient[j]);
    step = Math.min(10 * step, step * before / (dot(gradient, direction) || -1e-300));
    if (!(step > 0)) step = found.step;
  }
  return { point, value, gradient, evaluations };
}

interface Step extends Valued {
  point: Float64Array;
  step: number;
}

/** A step along `direction` by the strong Wolfe conditions, or the best that descends. */
function search(
  f: (point: Float64Array) => Valued,
  origin: Float64Array,
  direction: Float64Array,
  start: Valued,
  slope: number,
  first: number,
): Step | undefined {
  type Trial = Step & { slope: number };
  const at = (step: number): Trial => {
    const point = origin.map((x, i) => x + step * direction[i]);
    const { value, gradient } = f(point);
    return { point, value, gradient, step, slope: dot(gradient, direction) };
  };
  const zero: Trial = { ...start, point: origin, step: 0, slope };
  const enough = ({ value, step }: Trial) => value <= start.value + DECREASE * step * slope;
  // Between low, the best that descends enough, and high lies a step that the conditions accept.
  let low = zero, high: Trial | undefined, step = first;
  for (let i = 0; i < MAX_EVALUATIONS; i++) {
    const trial = at(step);
    const isAbove = !Number.isFinite(trial.value) || !enough(trial) ||
      low !== zero && trial.value >= low.value;
    if (isAbove) high = trial;
    else if (Math.abs(trial.slope) <= -CURVATURE * slope) return trial;
    else {
      const further = high ?? { step: Infinity };
      if (trial.slope * (further.step - low.step) >= 0) high = low;
      low = trial;
    }
    step = high === undefined ? 3 * step : between(low, high);
  }
  return low === zero ? undefined : low;
}

/** The minimum of the cubic through two trials, kept inside the interval; its middle if there is none. */
function between(
  a: { step: number; value: number; slope: number },
  b: { step: number; value: number; slope: number },
): number {
  const middle = (a.step + b.step) / 2, width = Math.abs(b.step - a.step);
  const d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return middle;
  const d2 = Math.sign(b.step - a.step) * Math.sqrt(square);
  const step = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  const inside = Math.abs(step - a.step) > 0.1 * width && Math.abs(step - b.step) > 0.1 * width;
  return inside && Math.abs(step - middle) < width / 2 ? step : middle;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
