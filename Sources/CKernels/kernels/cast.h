// From float32 to narrower types, rounded to nearest even, and what that loses.

INLINE halves to_bfloat16(floats x) {
  words bits = (words)x;
  words rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  // A NaN stays one: rounding could carry its mantissa away.
  words quiet = bits >> 16 | 0x40u;
  words result = (bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded;
  return __builtin_convertvector(result, halves);
}

#if !defined(HAS_HALF)
static uint16_t half_of(uint32_t bits) {
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00u | (magnitude >> 13 & 0x3FFu));
  if (magnitude >= 0x477FF000u) return sign | 0x7C00u;  // 65520 and above round to infinity
  if (magnitude >= 0x38800000u)
    return (uint16_t)(sign | ((magnitude + 0xFFFu + (magnitude >> 13 & 1u)) >> 13) - (112u << 10));
  if (magnitude < 0x33000000u) return sign;  // below half of the smallest subnormal
  // Subnormal: the mantissa with its leading one, shifted to multiples of 2^-24.
  uint32_t shift = 126u - (magnitude >> 23), mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
  uint32_t half = mantissa >> shift, rest = mantissa & ((1u << shift) - 1u), middle = 1u << (shift - 1u);
  return (uint16_t)(sign | (half + (rest > middle || (rest == middle && (half & 1u)))));
}
#endif

INLINE halves to_float16(floats x) {
#if defined(HAS_HALF)
  typedef _Float16 small_floats __attribute__((ext_vector_type(WIDTH)));
  return (halves)__builtin_convertvector(x, small_floats);
#else
  halves result;
  words bits = (words)x;
  for (int i = 0; i < WIDTH; i++) result[i] = half_of(bits[i]);
  return result;
#endif
}

/// One vector. Subtracts from the lanes of `overflows` and `underflows`, as comparisons give -1 where they hold.
INLINE halves narrow_vector(ck_type type, floats x, ints *overflows, ints *underflows) {
  halves y = type == ck_bfloat16 ? to_bfloat16(x) : to_float16(x);
  words from = (words)x & 0x7FFFFFFFu, to = __builtin_convertvector(y, words) & 0x7FFFu;
  const uint32_t infinity = type == ck_bfloat16 ? 0x7F80u : 0x7C00u;
  *overflows += (from < 0x7F800000u) & (to == infinity);
  *underflows += (from > 0) & (to == 0);
  return y;
}

INLINE void narrow_to(ck_type type, const float *source, size_t count, uint16_t *target, ck_narrowing *lost) {
  ints overflows = 0, underflows = 0;
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH)
    *(halves_in_memory *)(target + i) = narrow_vector(type, load(source + i), &overflows, &underflows);
  if (i < count) {
    uint16_t lanes[WIDTH];
    *(halves_in_memory *)lanes = narrow_vector(type, load_first(source + i, count - i), &overflows, &underflows);
    memcpy(target + i, lanes, (count - i) * sizeof *lanes);
  }
  for (int lane = 0; lane < WIDTH; lane++) {
    lost->overflows += (size_t)-overflows[lane];
    lost->underflows += (size_t)-underflows[lane];
  }
}

static void narrow(ck_type type, const float *source, size_t count, uint16_t *target, ck_narrowing *lost) {
  // In steps, so that the lanes' counters cannot overflow.
  const size_t step = (size_t)1 << 30;
  for (size_t done = 0; done < count; done += step) {
    size_t part = count - done < step ? count - done : step;
    if (type == ck_bfloat16) narrow_to(ck_bfloat16, source + done, part, target + done, lost);
    else narrow_to(ck_float16, source + done, part, target + done, lost);
  }
}
