// A few rows of activations times a weight in its stored type. The weight is read once, which is the whole cost.

/// Lines of the weight are asked for this many bytes ahead, into the second-level cache: rows are short, and the
/// processor's own prefetching has hardly begun with one when it ends. Twice the speed at 576 inputs.
#define GEMV_AHEAD (28 << 10)
/// Rows this long are left to the processor's own prefetching.
#define GEMV_LONG_ROW 6144

INLINE void prefetch(const char *from, size_t distance) {
  // Integer arithmetic, as the address may lie beyond the weight.
  __builtin_prefetch((const void *)((uintptr_t)from + distance), 0, 1);
}

/// `outputs` rows of the weight against `rows` of x. Both are constants after inlining, so that the
/// accumulators are registers. Each sum has its own accumulator, whatever the tile: results do not depend on it.
INLINE void gemv_tile(
    ck_type type, int outputs, int rows, const char *weight, size_t inputs, const float *x, size_t x_stride,
    size_t ahead, float *out, size_t out_stride) {
  floats sum[8][8];
  const size_t row_bytes = ck_row_bytes(type, inputs);
  for (int o = 0; o < outputs; o++)
    for (int r = 0; r < rows; r++) sum[o][r] = 0;

  size_t k = 0;
  for (; k + 2 * WIDTH <= inputs; k += 2 * WIDTH) {
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) prefetch(weight + (size_t)o * row_bytes + ck_row_bytes(type, k), ahead);
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      const size_t i = k + (size_t)half * WIDTH;
      floats w[8];
#pragma clang loop unroll(full)
      for (int o = 0; o < outputs; o++) w[o] = load_weights(type, weight + (size_t)o * row_bytes, i);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        floats v = load(x + (size_t)r * x_stride + i);
#pragma clang loop unroll(full)
        for (int o = 0; o < outputs; o++) sum[o][r] = multiply_add(w[o], v, sum[o][r]);
      }
    }
  }
  for (; k < inputs; k += WIDTH) {
    const size_t count = inputs - k < WIDTH ? inputs - k : WIDTH;
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) {
      floats w = load_first_weights(type, weight + (size_t)o * row_bytes, k, count);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++)
        sum[o][r] = multiply_add(w, load_first(x + (size_t)r * x_stride + k, count), sum[o][r]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    float *target = out + (size_t)r * out_stride;
    int o = 0;
#pragma clang loop unroll(full)
    for (; o + 4 <= outputs; o += 4) {
      floats4 sums = sums_of(sum[o][r], sum[o + 1][r], sum[o + 2][r], sum[o + 3][r]);
      memcpy(target + o, &sums, sizeof sums);
    }
#pragma clang loop unroll(full)
    for (; o < outputs; o++) target[o] = sum_of(sum[o][r]);
  }
}

/// A block's integers, without its scale; those of four bits are 8 too large where they are left shifted.
INLINE void unpack_block(ck_type type, int is_shifted, const char *block, floats *values) {
  if (type == ck_q8_0) {
#pragma clang loop unroll(full)
    for (int i = 0; i < ck_block; i += WIDTH)
      values[i / WIDTH] = __builtin_convertvector(load_bytes(block + 2 + i), floats);
    return;
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < ck_block / 2; i += WIDTH) {
    words pairs = load_pairs(block + 2 + i);
    const int shift = is_shifted ? 0 : 8;
    values[i / WIDTH] = __builtin_convertvector((ints)(pairs & 15) - shift, floats);
    values[(i + ck_block / 2) / WIDTH] = __builtin_convertvector((ints)(pairs >> 4) - shift, floats);
  }
}

/// The same for quantised weights: the products of a block are summed before its scale multiplies them. For one row,
/// what four bits are too large is taken off once a block: `sum (q - 8) x = sum q x - 8 sum x`.
INLINE void gemv_tile_of_blocks(
    ck_type type, int outputs, int rows, const char *weight, size_t inputs, const float *x, size_t x_stride,
    size_t ahead, float *out, size_t out_stride) {
  floats sum[8][8];
  const size_t row_bytes = ck_row_bytes(type, inputs), block_bytes = ck_row_bytes(type, ck_block);
  const int is_shifted = type == ck_q4_0 && rows == 1;
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sum[o][r] = 0;
  for (size_t k = 0; k < inputs; k += ck_block, weight += block_bytes) {
    floats excess = 0;
    if (is_shifted)
#pragma clang loop unroll(full)
      for (size_t i = 0; i < ck_block; i += WIDTH) excess += load(x + k + i);
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) {
      const char *block = weight + (size_t)o * row_bytes;
      prefetch(block, ahead);
      const floats scale = (floats)float16_value(block);
      floats w[ck_block / WIDTH];
      unpack_block(type, is_shifted, block, w);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        const float *v = x + (size_t)r * x_stride + k;
        floats part = w[0] * load(v);
#pragma clang loop unroll(full)
        for (int i = 1; i < ck_block / WIDTH; i++) part = multiply_add(w[i], load(v + i * WIDTH), part);
        if (is_shifted) part = multiply_add(excess, (floats)-8.0f, part);
        sum[o][r] = multiply_add(scale, part, sum[o][r]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    float *target = out + (size_t)r * out_stride;
    int o = 0;
#pragma clang loop unroll(full)
    for (; o + 4 <= outputs; o += 4) {
      floats4 sums = sums_of(sum[o][r], sum[o + 1][r], sum[o + 2][r], sum[o + 3][r]);
      memcpy(target + o, &sums, sizeof sums);
    }
#pragma clang loop unroll(full)
    for (; o < outputs; o++) target[o] = sum_of(sum[o][r]);
  }
}

/// Rows of the weight at once: as many as the accumulators leave registers for.
INLINE int gemv_tile_outputs(ck_type type, int rows) {
  if (type == ck_q8_0 || type == ck_q4_0) return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
  if (WIDTH == 16) return rows <= 2 ? 8 : rows <= 6 ? 4 : 3;
  // Operands of NEON are in registers as well, none in memory.
  if (REGISTERS == 32) return rows <= 2 ? 8 : rows <= 5 ? 4 : rows == 6 ? 3 : 2;
  return rows == 1 ? 8 : rows <= 3 ? 4 : rows == 4 ? 3 : rows <= 7 ? 2 : 1;
}

INLINE void gemv_tile_of(
    ck_type type, int outputs, int rows, const char *weight, size_t inputs, const float *x, size_t x_stride,
    size_t ahead, float *out, size_t out_stride) {
  if (type == ck_q8_0 || type == ck_q4_0)
    gemv_tile_of_blocks(type, outputs, rows, weight, inputs, x, x_stride, ahead, out, out_stride);
  else
    gemv_tile(type, outputs, rows, weight, inputs, x, x_stride, ahead, out, out_stride);
}

INLINE void gemv_rows(
    ck_type type, int rows, const char *weight, size_t outputs, size_t inputs, const float *x, size_t x_stride,
    float *out, size_t out_stride) {
  const int tile = gemv_tile_outputs(type, rows);
  const size_t row_bytes = ck_row_bytes(type, inputs);
  const size_t ahead = row_bytes < GEMV_LONG_ROW ? GEMV_AHEAD : 0;
  size_t o = 0;
  for (; o + (size_t)tile <= outputs; o += (size_t)tile)
    gemv_tile_of(type, tile, rows, weight + o * row_bytes, inputs, x, x_stride, ahead, out + o, out_stride);
  for (; o < outputs; o++)
    gemv_tile_of(type, 1, rows, weight + o * row_bytes, inputs, x, x_stride, ahead, out + o, out_stride);
}

#define GEMV_CASE(ROWS) \
  case ROWS: return gemv_rows(type, ROWS, weight, outputs, inputs, x, x_stride, out, out_stride)

INLINE void gemv_of_type(
    ck_type type, const char *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
    float *out, size_t out_stride) {
  switch (rows) {
    GEMV_CASE(1);
    GEMV_CASE(2);
    GEMV_CASE(3);
    GEMV_CASE(4);
    GEMV_CASE(5);
    GEMV_CASE(6);
    GEMV_CASE(7);
    GEMV_CASE(8);
  }
}

static void gemv(
    ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
    float *out, size_t out_stride) {
  switch (type) {
    case ck_float32: return gemv_of_type(ck_float32, weight, outputs, inputs, x, rows, x_stride, out, out_stride);
    case ck_bfloat16: return gemv_of_type(ck_bfloat16, weight, outputs, inputs, x, rows, x_stride, out, out_stride);
    case ck_float16: return gemv_of_type(ck_float16, weight, outputs, inputs, x, rows, x_stride, out, out_stride);
    case ck_q8_0: return gemv_of_type(ck_q8_0, weight, outputs, inputs, x, rows, x_stride, out, out_stride);
    case ck_q4_0: return gemv_of_type(ck_q4_0, weight, outputs, inputs, x, rows, x_stride, out, out_stride);
  }
}
