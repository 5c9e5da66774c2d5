// Vectors of WIDTH floats.

#define INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((ext_vector_type(WIDTH)));
typedef double doubles __attribute__((ext_vector_type(WIDTH)));
typedef int32_t ints __attribute__((ext_vector_type(WIDTH)));
typedef uint32_t words __attribute__((ext_vector_type(WIDTH)));
typedef uint16_t halves __attribute__((ext_vector_type(WIDTH)));
typedef float floats4 __attribute__((ext_vector_type(4)));

// The same in memory, at any address.
typedef float floats_in_memory __attribute__((ext_vector_type(WIDTH), aligned(4), may_alias));
typedef uint16_t halves_in_memory __attribute__((ext_vector_type(WIDTH), aligned(2), may_alias));
typedef uint32_t words_in_memory __attribute__((ext_vector_type(WIDTH), aligned(2), may_alias));

INLINE floats load(const float *p) { return *(const floats_in_memory *)p; }
INLINE void store(float *p, floats x) { *(floats_in_memory *)p = x; }

/// The first `count` elements, WIDTH at most, then zeros.
INLINE floats load_first(const float *p, size_t count) {
  if (count >= WIDTH) return load(p);
  float lanes[WIDTH] = {0};
  for (size_t i = 0; i < count; i++) lanes[i] = p[i];
  return load(lanes);
}

INLINE void store_first(float *p, floats x, size_t count) {
  if (count >= WIDTH) return store(p, x);
  float lanes[WIDTH];
  store(lanes, x);
  for (size_t i = 0; i < count; i++) p[i] = lanes[i];
}

/// What `count` elements have of a vector, then zeros.
INLINE floats load_rest(const float *p, size_t count) { return count >= WIDTH ? load(p) : load_first(p, count); }

INLINE void store_rest(float *p, floats x, size_t count) {
  if (count >= WIDTH) store(p, x);
  else store_first(p, x, count);
}

/// `a b + c`; rounded once where the machine can.
INLINE floats multiply_add(floats a, floats b, floats c) {
#if defined(HAS_FMA)
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

INLINE floats greater_of(floats a, floats b) { return a > b ? a : b; }

/// Asks for memory that is read soon. The address may lie beyond what there is, so it is none of C's.
INLINE void ask_for(uintptr_t address) { __builtin_prefetch((const void *)address, 0, 2); }
#define CACHE_LINE 64

// MARK: sums of lanes

INLINE floats4 fold(floats x) {
#if WIDTH == 16
  __typeof__(x.lo) y = x.lo + x.hi;
  return y.lo + y.hi;
#elif WIDTH == 8
  return x.lo + x.hi;
#else
  return x;
#endif
}

INLINE float sum_of(floats x) {
  floats4 y = fold(x);
  return (y.x + y.z) + (y.y + y.w);
}

/// The sums of four vectors, at less than four times the price: first of two and two, then of all.
INLINE floats4 sums_of_two(floats a, floats b) {
  floats4 p = fold(a), q = fold(b);
  return __builtin_shufflevector(p, q, 0, 1, 4, 5) + __builtin_shufflevector(p, q, 2, 3, 6, 7);
}
INLINE floats4 sums_of_four(floats4 ab, floats4 cd) {
  return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}
INLINE floats4 sums_of(floats a, floats b, floats c, floats d) {
  return sums_of_four(sums_of_two(a, b), sums_of_two(c, d));
}

INLINE float greatest_of(floats x) {
  float greatest = x[0];
  for (int i = 1; i < WIDTH; i++) greatest = x[i] > greatest ? x[i] : greatest;
  return greatest;
}

INLINE double sum_of_doubles(const doubles *x) {
  double sum = 0;
  for (int i = 0; i < WIDTH; i++) sum += (*x)[i];
  return sum;
}

// MARK: weights

INLINE floats from_bfloat16(halves x) {
  words bits = __builtin_convertvector(x, words) << 16;
  return (floats)bits;
}

INLINE floats from_float16(halves x) {
#if defined(HAS_HALF)
  typedef _Float16 small_floats __attribute__((ext_vector_type(WIDTH)));
  return __builtin_convertvector((small_floats)x, floats);
#else
  words bits = __builtin_convertvector(x, words);
  words sign = (bits & 0x8000u) << 16, rest = bits & 0x7FFFu;
  words normal = (rest << 13) + (112u << 23);
  words special = (rest << 13) | 0x7F800000u;
  // A subnormal is its mantissa times 2^-24: made by conversion, as denormal operands would count as zeros.
  words subnormal = (words)(__builtin_convertvector((ints)rest, floats) * 0x1p-24f);
  words magnitude = rest < 0x400u ? subnormal : (rest >= 0x7C00u ? special : normal);
  return (floats)(magnitude | sign);
#endif
}

INLINE int is_quantised(ck_type type) { return type == ck_q8_0 || type == ck_q4_0; }

typedef int8_t bytes_in_memory __attribute__((ext_vector_type(WIDTH), aligned(1), may_alias));
typedef uint8_t unsigned_bytes __attribute__((ext_vector_type(WIDTH)));
typedef uint8_t unsigned_bytes_in_memory __attribute__((ext_vector_type(WIDTH), aligned(1), may_alias));

INLINE float float16_value(const void *p) {
  uint16_t bits;
  memcpy(&bits, p, sizeof bits);
#if defined(HAS_HALF)
  _Float16 x;
  memcpy(&x, &bits, sizeof x);
  return (float)x;
#else
  halves lanes = 0;
  lanes[0] = bits;
  return from_float16(lanes)[0];
#endif
}

/// The same in all lanes.
INLINE floats float16_everywhere(const void *p) {
  uint16_t bits;
  memcpy(&bits, p, sizeof bits);
  return from_float16((halves)bits);
}

/// Bytes or pairs of half bytes, as integers.
INLINE ints load_bytes(const char *p) { return __builtin_convertvector(*(const bytes_in_memory *)p, ints); }
INLINE words load_pairs(const char *p) { return __builtin_convertvector(*(const unsigned_bytes_in_memory *)p, words); }

/// WIDTH values of the block, without its scale, from its element `i` on.
INLINE floats load_quantized(ck_type type, const char *block, size_t i) {
  if (type == ck_q8_0) return __builtin_convertvector(load_bytes(block + 2 + i), floats);
  words pairs = load_pairs(block + 2 + i % 16);
  return __builtin_convertvector((ints)(i < 16 ? pairs & 15 : pairs >> 4) - 8, floats);
}

/// WIDTH weights from element `i` on; of a quantised type within a block.
INLINE floats load_weights(ck_type type, const void *weights, size_t i) {
  if (type == ck_float32) return load((const float *)weights + i);
  if (is_quantised(type)) {
    const char *block = (const char *)weights + ck_row_bytes(type, i / ck_block * ck_block);
    return float16_everywhere(block) * load_quantized(type, block, i % ck_block);
  }
  halves x = *(const halves_in_memory *)((const uint16_t *)weights + i);
  return type == ck_bfloat16 ? from_bfloat16(x) : from_float16(x);
}

/// The first or the second half of 2 WIDTH weights from element `i` on. Of bfloat16 one half are those with even numbers and
/// the other those with odd ones, which are parts of words as they lie in memory: to spread neighbours to twice
/// their size takes three times as long, as long as all that is done with them.
INLINE floats load_half(ck_type type, const void *weights, size_t i, int half) {
  if (type != ck_bfloat16) return load_weights(type, weights, i + (size_t)half * WIDTH);
  const words pairs = *(const words_in_memory *)((const uint16_t *)weights + i);
  if (!half) return (floats)(pairs << 16);
  words odd = 0xFFFF0000u;
#if defined(__x86_64__)
  // Kept from being known: the compiler would blend with zeros, which takes turns from multiplication on some processors.
  __asm__("" : "+v"(odd));
#endif
  return (floats)(pairs & odd);
}

typedef float floats_twice __attribute__((ext_vector_type(2 * WIDTH)));

/// Puts `count` values, a multiple of 2 WIDTH, into the order of `load_half`.
INLINE void put_apart(ck_type type, float *x, size_t count) {
  if (type != ck_bfloat16) return;
  for (size_t i = 0; i < count; i += 2 * WIDTH) {
    floats_twice pairs;
    pairs.lo = load(x + i), pairs.hi = load(x + i + WIDTH);
    store(x + i, pairs.even), store(x + i + WIDTH, pairs.odd);
  }
}

/// And back.
INLINE void put_together(ck_type type, float *x, size_t count) {
  if (type != ck_bfloat16) return;
  for (size_t i = 0; i < count; i += 2 * WIDTH) {
    floats_twice pairs;
    pairs.even = load(x + i), pairs.odd = load(x + i + WIDTH);
    store(x + i, pairs.lo), store(x + i + WIDTH, pairs.hi);
  }
}

/// The first `count` weights from element `i` on, WIDTH at most, then zeros. Quantised rows have no such rest.
INLINE floats load_first_weights(ck_type type, const void *weights, size_t i, size_t count) {
  if (count >= WIDTH) return load_weights(type, weights, i);
  if (type == ck_float32) return load_first((const float *)weights + i, count);
  if (is_quantised(type)) __builtin_unreachable();
  uint16_t lanes[WIDTH] = {0};
  for (size_t j = 0; j < count; j++) lanes[j] = ((const uint16_t *)weights)[i + j];
  return load_weights(type, lanes, 0);
}
