// A few rows of activations times a quantised weight. Widening the weight's integers to floats would take longer than
// reading them, so activations become integers instead, once for all outputs: of 16 bits where weights have 4 or 8, by
// blocks of their own, each with a step that is a power of two. Sums over a block are then exact.

typedef int16_t shorts __attribute__((ext_vector_type(2 * WIDTH)));
typedef int16_t shorts_in_memory __attribute__((ext_vector_type(2 * WIDTH), aligned(2), may_alias));
typedef int8_t bytes_of_part __attribute__((ext_vector_type(2 * WIDTH), aligned(1), may_alias));

typedef float block_of_floats __attribute__((ext_vector_type(ck_block), aligned(4), may_alias));
typedef uint32_t block_of_words __attribute__((ext_vector_type(ck_block)));
typedef int16_t block_of_shorts __attribute__((ext_vector_type(ck_block), aligned(2), may_alias));
typedef int8_t block_of_bytes __attribute__((ext_vector_type(ck_block)));
typedef int8_t half_of_block __attribute__((ext_vector_type(ck_block / 2)));
typedef uint8_t block_of_pairs __attribute__((ext_vector_type(ck_block / 2), aligned(1), may_alias));

enum { block_parts = ck_block / (2 * WIDTH) };

/// A row of x in integers, as many as inputs, and then their steps, one a block: together little more than half of the
/// row in floats. What is not finite makes its block's step a NaN.
static void put_row_in_integers(const float *x, size_t inputs, float *row) {
  int16_t *integers = (int16_t *)row;
  float *steps = row + inputs / 2;
  for (size_t k = 0; k < inputs; k += ck_block, steps++) {
    const block_of_floats values = *(const block_of_floats *)(x + k);
    const uint32_t largest = __builtin_reduce_max((block_of_words)values & 0x7FFFFFFFu);
    // The largest becomes 2^14 or more, less than 2^15; but steps stay normal numbers.
    const uint32_t exponent = largest >> 23 < 15 ? 15 : largest >> 23;
    const uint32_t scale_bits = (127 + 14 + 127 - exponent) << 23, step_bits = (exponent - 14) << 23;
    float scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    memcpy(steps, &step_bits, sizeof step_bits);
    // The last bits of a sum with 1.5 2^23 are the rounded value.
    block_of_floats whole = values * scale;
    whole = (whole > INT16_MAX ? INT16_MAX : whole) + 0x1.8p23f;
    if (exponent == 255) *steps = NAN;
    *(block_of_shorts *)(integers + k) = __builtin_convertvector((block_of_words)whole, block_of_shorts);
  }
}

INLINE void put_rows_in_integers(const float *x, size_t rows, size_t x_stride, size_t inputs, float *integers) {
  for (size_t r = 0; r < rows; r++) put_row_in_integers(x + r * x_stride, inputs, integers + r * inputs);
}

/// The products of neighbours, added: one instruction where there is one.
INLINE ints multiply_pairs(shorts x, shorts y) {
  return __builtin_convertvector(x.even, ints) * __builtin_convertvector(y.even, ints) +
         __builtin_convertvector(x.odd, ints) * __builtin_convertvector(y.odd, ints);
}

/// The integers of a block, a vector at a time.
INLINE void unpack_block(ck_type type, const char *block, shorts integers[block_parts]) {
  const char *bytes = block + 2;
  block_of_bytes quanta;
  if (type == ck_q4_0) {
    // Byte i has element i in its low half and element 16 + i in its high one. What they are too large is taken off
    // before they are widened, as bytes need fewer registers.
    const block_of_pairs pairs = *(const block_of_pairs *)bytes;
    quanta.lo = (half_of_block)((pairs & 15) - 8);
    quanta.hi = (half_of_block)((pairs >> 4) - 8);
    bytes = (const char *)&quanta;
  }
#pragma clang loop unroll(full)
  for (int part = 0; part < block_parts; part++)
    integers[part] = __builtin_convertvector(((const bytes_of_part *)bytes)[part], shorts);
}

/// As `gemv_tile`, of a quantised weight and rows of integers.
INLINE void gemv_tile_of_blocks(
    ck_type type, int outputs, int rows, const char *weight, size_t step, size_t inputs, const float *x,
    size_t x_stride, float *out, size_t out_stride) {
  floats sum[8][8];
  const size_t step_bytes = step * ck_row_bytes(type, inputs), block_bytes = ck_row_bytes(type, ck_block);
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sum[o][r] = 0;
  for (size_t k = 0; k < inputs; k += ck_block, weight += block_bytes) {
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) {
      const char *block = weight + (size_t)o * step_bytes;
      const floats scale = float16_everywhere(block);
      shorts w[block_parts];
      unpack_block(type, block, w);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        const float *row = x + (size_t)r * x_stride;
        const shorts_in_memory *values = (const shorts_in_memory *)((const int16_t *)row + k);
        ints whole[block_parts];
#pragma clang loop unroll(full)
        for (int part = 0; part < block_parts; part++) whole[part] = multiply_pairs(w[part], values[part]);
#pragma clang loop unroll(full)
        for (int half = block_parts / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
          for (int part = 0; part < half; part++) whole[part] += whole[part + half];
        const floats worth = scale * row[inputs / 2 + k / ck_block];
        sum[o][r] = multiply_add(worth, __builtin_convertvector(whole[0], floats), sum[o][r]);
      }
    }
  }
  store_tile(sum, outputs, rows, out, step, out_stride);
}
