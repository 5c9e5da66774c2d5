// A few rows of activations times a weight in its stored type. The weight is read once, which is the whole cost.

// Several outputs are summed side by side, as one sum alone would wait for itself. They are not neighbours: the rows of
// the weight are cut into as many runs, and each run is read from end to end. So the processor's prefetching sees a few
// long streams, whatever the length of a row: 30 GB/s where rows of 576 read side by side gave 21.

/// Rows of x from which computing takes longer than reading. The processor's prefetching then waits for the loads, and
/// reading has to be asked for: a third faster with eight rows.
#define GEMV_SLOW_ROWS 4
#define GEMV_AHEAD 2048

/// Weights of a row that are loaded together: two vectors where halves of words are, as `load_half` has them.
#define GEMV_UNIT(TYPE) ((size_t)((TYPE) == ck_bfloat16 ? 2 * WIDTH : WIDTH))

/// Rows of x in the order in which weights of the type are loaded, up to a last unit that is not whole.
INLINE void put_rows_apart(
    ck_type type, const float *x, size_t rows, size_t x_stride, size_t inputs, float *apart) {
  for (size_t r = 0; r < rows; r++, x += x_stride, apart += inputs) {
    memcpy(apart, x, inputs * sizeof(float));
    put_apart(type, apart, inputs / GEMV_UNIT(type) * GEMV_UNIT(type));
  }
}

/// Adds the products of a unit's first or second vector of weights of each output with those of each row.
INLINE void gemv_step(
    ck_type type, int outputs, int rows, const char *weight, size_t step_bytes, size_t unit, int half, const float *x,
    size_t x_stride, floats sum[8][8]) {
  // Registers hold all vectors of the shorter side, and one of the other at a time.
  floats held[8];
  if (rows < outputs) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) held[r] = load(x + (size_t)r * x_stride + unit + (size_t)half * WIDTH);
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) {
      const floats w = load_half(type, weight + (size_t)o * step_bytes, unit, half);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) sum[o][r] = multiply_add(w, held[r], sum[o][r]);
    }
  } else {
#pragma clang loop unroll(full)
    for (int o = 0; o < outputs; o++) held[o] = load_half(type, weight + (size_t)o * step_bytes, unit, half);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const floats v = load(x + (size_t)r * x_stride + unit + (size_t)half * WIDTH);
#pragma clang loop unroll(full)
      for (int o = 0; o < outputs; o++) sum[o][r] = multiply_add(held[o], v, sum[o][r]);
    }
  }
}

INLINE void gemv_unit(
    ck_type type, int outputs, int rows, const char *weight, size_t step_bytes, size_t unit, const float *x,
    size_t x_stride, floats sum[8][8]) {
  if (type == ck_bfloat16) gemv_step(type, outputs, rows, weight, step_bytes, unit, 1, x, x_stride, sum);
  gemv_step(type, outputs, rows, weight, step_bytes, unit, 0, x, x_stride, sum);
}

/// `outputs` rows of the weight, `step` rows apart, against `rows` of x, but for a last unit that is not whole. Both
/// counts are constants after inlining, so that the accumulators are registers. Each sum has its own accumulator,
/// whatever the tile: results do not depend on it.
INLINE void gemv_tile(
    ck_type type, int outputs, int rows, const char *weight, size_t step, size_t inputs, const float *x,
    size_t x_stride, float *out, size_t out_stride) {
  floats sum[8][8];
  const size_t step_bytes = step * ck_row_bytes(type, inputs), unit = GEMV_UNIT(type), depth = inputs / unit * unit;
  const size_t line = CACHE_LINE / ck_row_bytes(type, 1);
#pragma clang loop unroll(full)
  for (int o = 0; o < outputs; o++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sum[o][r] = 0;

  size_t k = 0;
  for (; k + line <= depth; k += line) {
    if (rows >= GEMV_SLOW_ROWS)
#pragma clang loop unroll(full)
      for (int o = 0; o < outputs; o++) ask_for((uintptr_t)weight + (size_t)o * step_bytes + ck_row_bytes(type, k) + GEMV_AHEAD);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < line; i += unit)
      gemv_unit(type, outputs, rows, weight, step_bytes, k + i, x, x_stride, sum);
  }
  for (; k < depth; k += unit) gemv_unit(type, outputs, rows, weight, step_bytes, k, x, x_stride, sum);
  store_tile(sum, outputs, rows, out, step, out_stride);
}

/// Adds what inputs from `first` on give. Apart from the rest, as it would take registers from it.
static void gemv_rest(
    ck_type type, const char *weight, size_t outputs, size_t inputs, size_t first, const float *x, size_t rows,
    size_t x_stride, float *out, size_t out_stride) {
  for (size_t k = first; k < inputs; k += WIDTH)
    for (size_t o = 0; o < outputs; o++) {
      const floats w = load_first_weights(type, weight + o * ck_row_bytes(type, inputs), k, inputs - k);
      for (size_t r = 0; r < rows; r++)
        out[r * out_stride + o] += sum_of(w * load_first(x + r * x_stride + k, inputs - k));
    }
}

/// Runs of the weight at once: as many as the accumulators leave registers for.
INLINE int gemv_tile_outputs(ck_type type, int rows) {
  // Twice as many vectors of integers in a block as with eight lanes: what a tile of several outputs saves is less than
  // what its registers cost.
  if (is_quantised(type) && WIDTH == 4 && REGISTERS == 16) return rows == 1 ? 5 : 1;
  if (is_quantised(type)) return rows == 1 ? 8 : rows == 2 ? 4 : rows == 3 ? 3 : rows == 4 ? 2 : 1;
  if (WIDTH == 16) return rows <= 2 ? 8 : rows <= 6 ? 4 : 3;
  // Operands of NEON are in registers as well, none in memory.
  if (REGISTERS == 32) return rows <= 2 ? 8 : rows <= 5 ? 4 : rows == 6 ? 3 : 2;
  if (type == ck_bfloat16 && rows == 4) return 2;  // the mask takes a register
  return rows == 1 ? 8 : rows == 2 ? 4 : rows <= 4 ? 3 : rows <= 6 ? 2 : 1;
}

INLINE void gemv_tile_of(
    ck_type type, int outputs, int rows, const char *weight, size_t step, size_t inputs, const float *x,
    size_t x_stride, float *out, size_t out_stride) {
  if (is_quantised(type))
    gemv_tile_of_blocks(type, outputs, rows, weight, step, inputs, x, x_stride, out, out_stride);
  else
    gemv_tile(type, outputs, rows, weight, step, inputs, x, x_stride, out, out_stride);
}

INLINE void gemv_rows(
    ck_type type, int rows, const char *weight, size_t outputs, size_t inputs, const float *x, size_t x_stride,
    float *out, size_t out_stride) {
  const int tile = gemv_tile_outputs(type, rows);
  const size_t row_bytes = ck_row_bytes(type, inputs), run = outputs / (size_t)tile;
  for (size_t o = 0; o < run; o++)
    gemv_tile_of(type, tile, rows, weight + o * row_bytes, run, inputs, x, x_stride, out + o, out_stride);
  for (size_t o = run * (size_t)tile; o < outputs; o++)
    gemv_tile_of(type, 1, rows, weight + o * row_bytes, 1, inputs, x, x_stride, out + o, out_stride);
  const size_t rest = inputs % GEMV_UNIT(type);
  if (!is_quantised(type) && rest > 0)
    gemv_rest(type, weight, outputs, inputs, inputs - rest, x, (size_t)rows, x_stride, out, out_stride);
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

/// Of a quantised weight; scratch has room for the rows.
static void gemv_of_blocks(
    ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
    float *out, size_t out_stride, float *scratch) {
  put_rows_in_integers(x, rows, x_stride, inputs, scratch);
  if (type == ck_q8_0) gemv_of_type(ck_q8_0, weight, outputs, inputs, scratch, rows, inputs, out, out_stride);
  else gemv_of_type(ck_q4_0, weight, outputs, inputs, scratch, rows, inputs, out, out_stride);
}
