/**
 * @file Functions that are written for float64 alone; float32 goes through it, and is rounded right but for one
 * result in many millions.
 */
import { bits, double, type Expression, op, shift } from "./expression.ts";
import { exp, log, log1p } from "./functions.ts";
import { double64 as t } from "./real.ts";

/** The same function of float32, by way of float64: of the lower lanes, and of the upper ones. */
export function viaDouble(
  f: (...x: Expression[]) => Expression,
): (...x: Expression[]) => Expression {
  return (...operands) => {
    const [low, high] = [(x: Expression) => x, (x: Expression) => op("halves.swap", x, x)].map(
      (half) => {
        const widened = operands.map((x) => op("f64x2.promote_low_f32x4", half(x)));
        return op("f32x4.demote_f64x2_zero", f(...widened));
      },
    );
    return op("v128.or", low, op("halves.swap", high, high));
  };
}

/** x + y, and what its rounding left out: Knuth 1969, The Art of Computer Programming 2, section 4.2.2. */
function twoSum(x: Expression, y: Expression): [sum: Expression, rest: Expression] {
  const sum = t.op("add", x, y);
  const ofY = t.op("sub", sum, x);
  const ofX = t.op("sub", sum, ofY);
  return [sum, t.op("add", t.op("sub", x, ofX), t.op("sub", y, ofY))];
}

/** Beyond this angle the engine takes whole turns off. */
const largestAngle = 2 ** 20;

/** π/2 in parts of 33 bits, whose products with whole numbers below 2²⁰ are exact, and what is left. */
const halfPi = [
  1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32,
] as const;

/**
 * The sine, or the cosine. 1 ulp. Whole quarter turns are taken off in four parts; the polynomials are those of
 * the Freely Distributable LIBM, k_sin.c and k_cos.c (Sun Microsystems 1993).
 */
function turned(x: Expression, name: "sin" | "cos"): Expression {
  const n = t.op("nearest", t.op("mul", x, 2 / Math.PI));
  const part = (i: number): Expression => t.op("neg", t.op("mul", n, halfPi[i]));
  const first = t.op("add", x, part(0));
  const [second, lost] = twoSum(first, part(1));
  const [third, lostToo] = twoSum(second, part(2));
  const low = t.op("add", t.op("add", lost, lostToo), part(3));
  const [r, rest] = twoSum(third, low);
  const z = t.op("mul", r, r);
  // sin (r + rest)
  const sinTail = t.polynomial(
    z,
    [
      1.58969099521155e-10, -2.5050760253406863e-8, 2.7557313707070068e-6, -0.0001984126982985795,
      0.00833333333332249,
    ],
  );
  const cube = t.op("mul", z, r);
  const inner = t.op("sub", t.op("mul", rest, 0.5), t.op("mul", cube, sinTail));
  const sinLow = t.op("sub", t.op("mul", z, inner), rest);
  const sinR = t.op("sub", r, t.op("sub", sinLow, t.op("mul", cube, -0.16666666666666632)));
  // cos (r + rest)
  const cosTail = t.polynomial(
    z,
    [
      -1.1359647557788195e-11, 2.087572321298175e-9, -2.7557314351390663e-7, 2.480158728947673e-5,
      -0.001388888888887411, 0.0416666666666666,
    ],
  );
  const half = t.op("mul", z, 0.5);
  const w = t.op("sub", double(1), half);
  const cosLow = t.op("sub", t.op("mul", z, t.op("mul", z, cosTail)), t.op("mul", r, rest));
  const cosR = t.op("add", w, t.op("add", t.op("sub", t.op("sub", double(1), w), half), cosLow));
  // Which of the two it is, and its sign, are in the last two bits of the number of quarter turns.
  const quarters = t.op("add", n, 1.5 * 2 ** 52 + (name === "cos" ? 1 : 0));
  const isOdd = shift("i64x2.shr_s", t.shift("shl", quarters, 63), 63);
  const flip = op("v128.and", t.shift("shl", quarters, 62), double(-0));
  const value = op("v128.xor", t.select(isOdd, cosR, sinR), flip);
  const isFar = op("v128.not", t.op("lt", t.op("abs", x), largestAngle));
  // The sine of −0 is −0.
  const usual = name === "sin" ? t.select(t.op("eq", x, 0), x, value) : value;
  return op(`host.${name}`, isFar, usual, x);
}

/** sin x of float64. Beyond 2²⁰ it is the engine's. */
export function sin(x: Expression): Expression {
  return turned(x, "sin");
}

/** cos x of float64. Beyond 2²⁰ it is the engine's. */
export function cos(x: Expression): Expression {
  return turned(x, "cos");
}

/** erf x for |x| ≤ 1: Moshier's Cephes, ndtr.c. */
function erfNearZero(x: Expression): Expression {
  const z = t.op("mul", x, x);
  const above = t.polynomial(
    z,
    [9.604973739870516, 90.02601972038427, 2232.005345946843, 7003.325141128051, 55592.30130103949],
  );
  const below = t.polynomial(
    z,
    [
      1, 33.56171416475031, 521.3579497801527, 4594.323829709801, 22629.000061389095,
      49267.39426086359,
    ],
  );
  return t.op("div", t.op("mul", x, above), below);
}

/** erfc x for x ≥ 1: Moshier's Cephes, ndtr.c, with e^(−x²) to the last bits of x². */
function erfcFar(x: Expression): Expression {
  const near = t.op(
    "div",
    t.polynomial(
      x,
      [
        2.461969814735305e-10, 0.5641895648310689, 7.463210564422699, 48.63719709856814,
        196.5208329560771, 526.4451949954773, 934.5285271719576, 1027.5518868951572,
        557.5353353693994,
      ],
    ),
    t.polynomial(
      x,
      [
        1, 13.228195115474499, 86.70721408859897, 354.9377788878199, 975.7085017432055,
        1823.9091668790973, 2246.3376081871097, 1656.6630919416134, 557.5353408177277,
      ],
    ),
  );
  const far = t.op(
    "div",
    t.polynomial(
      x,
      [
        0.5641895835477551, 1.275366707599781, 5.019050422511805, 6.160210979930536,
        7.4097426995044895, 2.9788666537210022,
      ],
    ),
    t.polynomial(
      x,
      [
        1, 2.2605286322011726, 9.396035249380015, 12.048953980809666, 17.08144507475659,
        9.608968090632859, 3.369076451000815,
      ],
    ),
  );
  // x² = z² + (x − z)(x + z), where z has so few bits that z² is exact.
  const z = op("v128.and", x, shift("i64x2.shl", bits(-1), 27));
  const rest = t.op("mul", t.op("sub", z, x), t.op("add", z, x));
  const bell = t.op("mul", exp(t, t.op("neg", t.op("mul", z, z))), exp(t, rest));
  return t.op("mul", bell, t.select(t.op("lt", x, 8), near, far));
}

/** Beyond it erfc is 0. */
const erfcEnd = 28;

/** erf x of float64. 4 ulp. */
export function erf(x: Expression): Expression {
  const size = t.op("abs", x);
  const far = t.op("sub", double(1), erfcFar(t.clamped(size, 1, erfcEnd)));
  const value = op("v128.or", far, op("v128.and", x, double(-0)));
  return t.select(t.op("lt", size, 1), erfNearZero(x), value);
}

/** erfc x = 1 − erf x of float64. 16 ulp. */
export function erfc(x: Expression): Expression {
  const size = t.op("abs", x);
  const far = erfcFar(t.clamped(size, 1, erfcEnd));
  const value = t.select(t.op("lt", x, 0), t.op("sub", double(2), far), far);
  return t.select(t.op("lt", size, 1), t.op("sub", double(1), erfNearZero(x)), value);
}

/**
 * The inverse of erf, of float64: Winitzki's approximation (2008), to 2·10⁻³, and Halley's steps, each of which
 * triples the number of right digits. Close to ±1 they work on erfc, whose digits are still there.
 */
export function erfinv(y: Expression): Expression {
  const twoOverRootPi = 2 / Math.sqrt(Math.PI);
  const size = t.op("abs", y);
  const a = 0.147;
  const ln = log1p(t.op("neg", t.op("mul", y, y)));
  const b = t.op("add", t.op("mul", ln, 0.5), 2 / (Math.PI * a));
  const root = t.op("sqrt", t.op("sub", t.op("mul", b, b), t.op("div", ln, double(a))));
  let x = t.op("sqrt", t.op("sub", root, b));
  const isLow = t.op("lt", size, 0.5);
  for (let step = 0; step < 3; step++) {
    const above = t.op("sub", t.op("sub", double(1), size), erfc(x));
    const error = t.select(isLow, t.op("sub", erf(x), size), above);
    const newton = t.op(
      "mul",
      t.op("div", error, double(twoOverRootPi)),
      exp(t, t.op("mul", x, x)),
    );
    x = t.op("sub", x, t.op("div", newton, t.op("add", t.op("mul", x, newton), 1)));
  }
  const value = op("v128.or", x, op("v128.and", y, double(-0)));
  const small = t.select(t.op("lt", size, 1e-9), t.op("div", y, double(twoOverRootPi)), value);
  const end = t.select(t.op("eq", size, 1), t.op("mul", y, Infinity), NaN);
  return t.select(t.op("lt", size, 1), small, end);
}

/**
 * The angle of the point (x, y) to the first axis, of float64. 2 ulp. The arc tangent is that of Moshier's Cephes,
 * atan.c; for the least and the greatest numbers the angle is the engine's.
 */
export function atan2(y: Expression, x: Expression): Expression {
  const [up, right] = [t.op("abs", y), t.op("abs", x)];
  // tan of the angle between 0 and π/2, brought to below tan π/8 by turns of π/4 and π/2.
  const isSteep = t.op("gt", up, t.op("mul", right, 1 + Math.SQRT2));
  const isMiddle = t.op("gt", up, t.op("mul", right, 0.66));
  const pick = (steep: Expression, middle: Expression, flat: Expression): Expression =>
    t.select(isSteep, steep, t.select(isMiddle, middle, flat));
  const above = pick(t.op("neg", right), t.op("sub", up, right), up);
  const ratio = t.op("div", above, pick(up, t.op("add", up, right), right));
  const z = t.op("mul", ratio, ratio);
  const tail = t.op(
    "div",
    t.polynomial(
      z,
      [
        -0.8750608600031904, -16.157537187333652, -75.00855792314705, -122.88666844901361,
        -64.85021904942025,
      ],
    ),
    t.polynomial(
      z,
      [
        1, 24.858464901423062, 165.02700983169885, 432.88106049129027, 485.3903996359137,
        194.5506571482614,
      ],
    ),
  );
  // What π/2 has beyond float64.
  const more = 6.123233995736766e-17;
  const rest = pick(double(more), double(more / 2), double(0));
  const small = t.op("add", t.op("add", t.op("mul", t.op("mul", z, tail), ratio), rest), ratio);
  const acute = t.op("add", small, pick(double(Math.PI / 2), double(Math.PI / 4), double(0)));
  const obtuse = t.op("sub", double(Math.PI), t.op("sub", acute, 2 * more));
  const angle = t.select(t.op("lt", x, 0), obtuse, acute);
  const value = op("v128.or", angle, op("v128.and", y, double(-0)));
  const isPlain = [up, right].map((size) =>
    op("v128.and", t.op("gt", size, 2 ** -1000), t.op("lt", size, 2 ** 1000)),
  );
  return op("host.atan2", op("v128.not", op("v128.and", ...isPlain)), value, y, x);
}

/** xʸ of numbers that were float32, in float64: e^(y ln x). At zeros and infinities it is the engine's. */
export function powOfSingle(x: Expression, y: Expression): Expression {
  const [base, power] = [t.op("abs", x), t.op("abs", y)];
  const size = exp(t, t.op("mul", y, log(t, base)));
  const halfY = t.op("mul", y, 0.5);
  const isWhole = t.op("eq", t.op("trunc", y), y);
  const isOdd = op("v128.andnot", isWhole, t.op("eq", t.op("trunc", halfY), halfY));
  const signed = op("v128.or", size, op("v128.and", isOdd, double(-0)));
  const ofNegative = t.select(isWhole, signed, NaN);
  const value = t.select(t.op("lt", x, 0), ofNegative, size);
  const isPlain = op("v128.and", t.op("gt", base, 0), t.op("lt", base, Infinity));
  const isBoth = op("v128.and", isPlain, t.op("lt", power, Infinity));
  return op("host.pow", op("v128.not", isBoth), value, x, y);
}

/** A function of float64 that is the engine's everywhere. */
export function ofHost(name: "pow" | "rem"): (x: Expression, y: Expression) => Expression {
  return (x, y) => op(`host.${name}`, bits(-1), x, x, y);
}
