// exp, to a relative error of 3e-7, right at the ends of the range: exp(-inf) = 0, exp(inf) = inf, NaN stays.

/// 1.5 * 2^23: adding it leaves an integer in the low bits.
#define EXPONENT_ROUND 12582912.0f

/// Cody and Waite: x = n ln 2 + r with |r| <= ln 2 / 2; the constant of ln 2 is cut in two so that n times its first part
/// is exact. Leaves n in the low bits of `shifted` and returns r.
INLINE floats reduce(floats x, floats *shifted) {
  *shifted = multiply_add(x, (floats)1.44269504088896341f, (floats)EXPONENT_ROUND);
  floats n = *shifted - EXPONENT_ROUND;
  floats r = multiply_add(n, (floats)-0.693145751953125f, x);
  return multiply_add(n, (floats)-1.42860682030941723212e-6f, r);
}

INLINE floats exp_of(floats x) {
  floats clamped = x > 89.0f ? (floats)89.0f : (x < -104.0f ? (floats)-104.0f : x), shifted;
  floats r = reduce(clamped, &shifted);

  // The Taylor polynomial of degree 7: 5e-9 at the ends of r.
  floats p = (floats)(1.0f / 5040);
  p = multiply_add(p, r, (floats)(1.0f / 720));
  p = multiply_add(p, r, (floats)(1.0f / 120));
  p = multiply_add(p, r, (floats)(1.0f / 24));
  p = multiply_add(p, r, (floats)(1.0f / 6));
  p = multiply_add(p, r, (floats)0.5f);
  p = multiply_add(p, r, (floats)1.0f);
  p = multiply_add(p, r, (floats)1.0f);

  // 2^n in two factors, as n reaches beyond the exponents of float32 at both ends.
  ints whole = (ints)((words)shifted - (words)(floats)EXPONENT_ROUND);
  words half = (words)(whole >> 1);
  floats low = (floats)((half + 127u) << 23);
  floats high = (floats)(((words)whole - half + 127u) << 23);
  return p * low * high;
}

/// exp of `x <= 0`, to a relative error of 3e-7; exactly 0 below -87, where results would be subnormal.
INLINE floats exp_of_negative(floats x) {
  floats shifted, r = reduce(x, &shifted);
  floats p = (floats)(1.0f / 720);
  p = multiply_add(p, r, (floats)(1.0f / 120));
  p = multiply_add(p, r, (floats)(1.0f / 24));
  p = multiply_add(p, r, (floats)(1.0f / 6));
  p = multiply_add(p, r, (floats)0.5f);
  p = multiply_add(p, r, (floats)1.0f);
  p = multiply_add(p, r, (floats)1.0f);
  floats power = (floats)(((words)shifted << 23) + (127u << 23));
  return x < -87.0f ? (floats)0 : p * power;
}

INLINE floats sigmoid_of(floats x) { return 1.0f / (1.0f + exp_of(-x)); }

/// `log(1 + exp(x))`, of full relative precision at both ends.
INLINE floats softplus_of(floats x) {
  // max(x, 0) + log(1 + y) with y = exp(-|x|) <= 1, and log(1 + y) = 2 artanh(s) with s = y / (2 + y) <= 1/3, by its
  // series to s^15: 2e-9 at the end.
  floats y = exp_of(x < 0.0f ? x : -x);
  floats s = y / (2.0f + y), square = s * s;
  floats p = (floats)(1.0f / 15);
  p = multiply_add(p, square, (floats)(1.0f / 13));
  p = multiply_add(p, square, (floats)(1.0f / 11));
  p = multiply_add(p, square, (floats)(1.0f / 9));
  p = multiply_add(p, square, (floats)(1.0f / 7));
  p = multiply_add(p, square, (floats)(1.0f / 5));
  p = multiply_add(p, square, (floats)(1.0f / 3));
  p = multiply_add(p, square, (floats)1.0f);
  return (x > 0.0f ? x : 0.0f) + 2.0f * s * p;
}
