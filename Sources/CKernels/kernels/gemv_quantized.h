// A few rows of activations times a quantised weight. Widening the weight's integers to floats would take longer than
// reading them, so activations become integers instead, once for all outputs: of 16 bits where weights have 4 or 8, by
// blocks of their own, each with a step that is a power of two. Sums over a block are then exact.

typedef int16_t shorts __attribute__((ext_vector_type(2 * WIDTH)));
typedef int16_t shorts_in_memory __attribute__((ext_vector_type(2 * WIDTH), aligned(2), may_alias));
typedef int8_t bytes_of_part __attribute__((ext_vector_type(2 * WIDTH), aligned(1), may_alias));
typedef uint8_t unsigned_bytes_of_part __attribute__((ext_vector_type(2 * WIDTH), aligned(1), may_alias));
typedef int8_t bytes_of_half __attribute__((ext_vector_type(WIDTH)));

typedef float block_of_floats __attribute__((ext_vector_type(ck_block), aligned(4), may_alias));
typedef uint32_t block_of_words __attribute__((ext_vector_type(ck_block)));
typedef int16_t block_of_shorts __attribute__((ext_vector_type(ck_block), aligned(2), may_alias));

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

/// A part of a block's integers.
INLINE shorts unpack_part(ck_type type, const char *block, int part) {
  const char *bytes = block + 2;
  if (type == ck_q8_0) return __builtin_convertvector(((const bytes_of_part *)bytes)[part], shorts);
  // Byte i has element i in its low half and element 16 + i in its high one. What they are too large is taken off
  // before they are widened, as bytes need fewer registers.
#if WIDTH == 16
  const unsigned_bytes pairs = *(const unsigned_bytes_in_memory *)bytes;
  bytes_of_part quanta;
  quanta.lo = (bytes_of_half)((pairs & 15) - 8);
  quanta.hi = (bytes_of_half)((pairs >> 4) - 8);
#else
  const int first = part * 2 * WIDTH;
  const unsigned_bytes_of_part pairs = *(const unsigned_bytes_of_part *)(bytes + first % (ck_block / 2));
  const bytes_of_part quanta = (bytes_of_part)((first < ck_block / 2 ? pairs & 15 : pairs >> 4) - 8);
#endif
  return __builtin_convertvector(quanta, shorts);
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
#pragma clang loop unroll(full)
      for (int part = 0; part < block_parts; part++) w[part] = unpack_part(type, block, part);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        const float *row = x + (size_t)r * x_stride;
        const shorts_in_memory *values = (const shorts_in_memory *)((const int16_t *)row + k);
        ints whole = multiply_pairs(w[0], values[0]);
#pragma clang loop unroll(full)
        for (int part = 1; part < block_parts; part++) whole += multiply_pairs(w[part], values[part]);
        const floats worth = scale * row[inputs / 2 + k / ck_block];
        sum[o][r] = multiply_add(worth, __builtin_convertvector(whole, floats), sum[o][r]);
      }
    }
  }
  store_tile(sum, outputs, rows, out, step, out_stride);
}
