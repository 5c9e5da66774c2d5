// Products with a packed second operand: strips of STRIP outputs, each by depth, padded with zeros. The first operand
// is read where it is, a value at a time for all outputs of a strip, and a block of results stays in registers.
// Sums run along the depth in order, whatever the shapes: a row's results do not depend on its company.

// Rows and outputs of the block that registers hold.
#define TILE_ROWS (REGISTERS == 32 ? 12 : 6)
#define STRIP (2 * WIDTH)

/// One output: its weights from element `first` on, `depth` of them, become a column of the strip.
INLINE void pack_column(ck_type type, const void *weight, size_t first, size_t depth, float *strip) {
  size_t d = 0;
  for (; d + WIDTH <= depth; d += WIDTH) {
    floats w = load_weights(type, weight, first + d);
#pragma clang loop unroll(full)
    for (int lane = 0; lane < WIDTH; lane++) strip[(d + (size_t)lane) * STRIP] = w[lane];
  }
  if (d < depth) {
    floats w = load_first_weights(type, weight, first + d, depth - d);
    for (size_t lane = 0; d + lane < depth; lane++) strip[(d + lane) * STRIP] = w[lane];
  }
}

/// WIDTH vectors, turned so that vector `i` has their elements `i`.
INLINE void turn(floats *x) {
#if WIDTH == 4
  floats a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5), b = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
  floats c = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7), d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
  x[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5), x[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
  x[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5), x[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
#else
  // Halves of blocks change places, from single elements to half the width.
#define TURN_STEP(SIZE, LOW, HIGH)                                   \
  for (int i = 0; i < WIDTH; i++)                                    \
    if (!(i & SIZE)) {                                               \
      floats a = x[i], b = x[i + SIZE];                              \
      x[i] = LOW;                                                    \
      x[i + SIZE] = HIGH;                                            \
    }
#if WIDTH == 8
  _Pragma("clang loop unroll(full)") TURN_STEP(1, __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14), __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15))
  _Pragma("clang loop unroll(full)") TURN_STEP(2, __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13), __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15))
  _Pragma("clang loop unroll(full)") TURN_STEP(4, __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11), __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#else
  _Pragma("clang loop unroll(full)") TURN_STEP(1, __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30), __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
  _Pragma("clang loop unroll(full)") TURN_STEP(2, __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29), __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
  _Pragma("clang loop unroll(full)") TURN_STEP(4, __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27), __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
  _Pragma("clang loop unroll(full)") TURN_STEP(8, __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#endif
#undef TURN_STEP
#endif
}

/// Strips, `strip_floats` apart, of `outputs` rows that are `row_bytes` apart, of their elements
/// `first ..< first + depth`.
INLINE void pack_of_type(
    ck_type type, const char *weight, size_t row_bytes, size_t outputs, size_t first, size_t depth, float *packed,
    size_t strip_floats) {
  for (size_t o = 0; o < outputs; o += STRIP, packed += strip_floats) {
    const size_t count = outputs - o < STRIP ? outputs - o : STRIP;
    size_t c = 0;
    for (; c + WIDTH <= count; c += WIDTH) {
      const char *rows = weight + (o + c) * row_bytes;
      size_t d = 0;
      for (; d + WIDTH <= depth; d += WIDTH) {
        floats block[WIDTH];
#pragma clang loop unroll(full)
        for (int i = 0; i < WIDTH; i++) block[i] = load_weights(type, rows + (size_t)i * row_bytes, first + d);
        turn(block);
#pragma clang loop unroll(full)
        for (int i = 0; i < WIDTH; i++) store(packed + (d + (size_t)i) * STRIP + c, block[i]);
      }
      if (d < depth)
        for (size_t i = 0; i < WIDTH; i++)
          pack_column(type, rows + i * row_bytes, first + d, depth - d, packed + d * STRIP + c + i);
    }
    for (; c < count; c++) pack_column(type, weight + (o + c) * row_bytes, first, depth, packed + c);
    for (; c < STRIP; c++)
      for (size_t d = 0; d < depth; d++) packed[d * STRIP + c] = 0;
  }
}

static void pack_weight(
    ck_type type, const void *weight, size_t inputs, size_t outputs, size_t first, size_t depth, float *packed) {
#define PACK_CASE(TYPE) \
  case TYPE:             \
    return pack_of_type(TYPE, weight, ck_row_bytes(TYPE, inputs), outputs, first, depth, packed, STRIP * depth)
  switch (type) {
    PACK_CASE(ck_float32);
    PACK_CASE(ck_bfloat16);
    PACK_CASE(ck_float16);
    PACK_CASE(ck_q8_0);
    PACK_CASE(ck_q4_0);
  }
#undef PACK_CASE
}

/// Strips of a matrix `[depth, outputs]`, which need no turning.
static void pack_turned(ck_type type, const void *matrix, size_t outputs, size_t depth, float *packed) {
  for (size_t o = 0; o < outputs; o += STRIP)
    for (size_t d = 0; d < depth; d++, packed += STRIP)
      for (size_t c = 0; c < STRIP; c += WIDTH) {
        const size_t at = d * outputs + o + c;
        if (o + c + WIDTH <= outputs) store(packed + c, load_weights(type, matrix, at));
        else store(packed + c, o + c < outputs ? load_first_weights(type, matrix, at, outputs - o - c) : (floats)0);
      }
}

/// `rows`, a constant, times one strip, added to `keep` times what is there if `accumulate`. A row of x lies along its
/// memory, or across it if x `is_turned`, a constant: then the stride is from one place of the depth to the next.
INLINE void multiply_tile(
    int rows, int is_turned, const float *x, size_t x_stride, const float *strip, size_t depth, float *out,
    size_t out_stride, size_t outputs, int accumulate, float keep) {
  floats sum[TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = 0;
  for (size_t d = 0; d < depth; d++, strip += STRIP) {
    floats w0 = load(strip), w1 = load(strip + WIDTH);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      floats v = (floats)(is_turned ? x[d * x_stride + (size_t)r] : x[(size_t)r * x_stride + d]);
      sum[r][0] = multiply_add(v, w0, sum[r][0]);
      sum[r][1] = multiply_add(v, w1, sum[r][1]);
    }
  }
  if (outputs == STRIP) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      float *target = out + (size_t)r * out_stride;
      store(target, accumulate ? keep * load(target) + sum[r][0] : sum[r][0]);
      store(target + WIDTH, accumulate ? keep * load(target + WIDTH) + sum[r][1] : sum[r][1]);
    }
    return;
  }
  for (int r = 0; r < rows; r++) {
    float lanes[STRIP], *target = out + (size_t)r * out_stride;
    store(lanes, sum[r][0]);
    store(lanes + WIDTH, sum[r][1]);
    for (size_t i = 0; i < outputs; i++) target[i] = accumulate ? keep * target[i] + lanes[i] : lanes[i];
  }
}

#define TILE_CASE(ROWS)                                                                                          \
  case ROWS:                                                                                                     \
    if (ROWS <= TILE_ROWS)                                                                                       \
      multiply_tile(ROWS, is_turned, x, x_stride, strip, depth, out, out_stride, outputs, accumulate, keep);     \
    break

INLINE void multiply_rest(
    size_t rows, int is_turned, const float *x, size_t x_stride, const float *strip, size_t depth, float *out,
    size_t out_stride, size_t outputs, int accumulate, float keep) {
  switch (rows) {
    TILE_CASE(1);
    TILE_CASE(2);
    TILE_CASE(3);
    TILE_CASE(4);
    TILE_CASE(5);
#if REGISTERS == 32
    TILE_CASE(6);
    TILE_CASE(7);
    TILE_CASE(8);
    TILE_CASE(9);
    TILE_CASE(10);
    TILE_CASE(11);
#endif
  }
}

/// What a product works on. Strips are `strip_floats` apart, which is more than their own depth where a part of it is
/// taken, and so are their results by `out_step`, which is STRIP in rows and more where results are strips again.
struct product {
  const float *x;
  size_t rows, x_stride;
  const float *packed;
  size_t strip_floats, outputs, depth;
  float *out;
  size_t out_stride, out_step;
  float keep;  // factor of what is there; 0 does not look at it
};

INLINE void multiply_strips(const struct product *product, int is_turned, int accumulate, float keep) {
  const size_t row_floats = is_turned ? 1 : product->x_stride, rows = product->rows;
  const float *packed = product->packed;
  float *out = product->out;
  for (size_t o = 0; o < product->outputs; o += STRIP, packed += product->strip_floats, out += product->out_step) {
    const size_t count = product->outputs - o < STRIP ? product->outputs - o : STRIP;
    size_t r = 0;
    for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
      multiply_tile(
          TILE_ROWS, is_turned, product->x + r * row_floats, product->x_stride, packed, product->depth,
          out + r * product->out_stride, product->out_stride, count, accumulate, keep);
    multiply_rest(
        rows - r, is_turned, product->x + r * row_floats, product->x_stride, packed, product->depth,
        out + r * product->out_stride, product->out_stride, count, accumulate, keep);
  }
}

static void multiply_packed(
    const float *x, size_t rows, size_t x_stride, const float *packed, size_t outputs, size_t depth, float *out,
    size_t out_stride, int accumulate) {
  const struct product product = {
      .x = x, .rows = rows, .x_stride = x_stride, .packed = packed, .strip_floats = STRIP * depth, .outputs = outputs,
      .depth = depth, .out = out, .out_stride = out_stride, .out_step = STRIP};
  multiply_strips(&product, 0, accumulate, 1);
}

/// `out = keep out + x packed^T`; x `[rows, depth]`, or `[depth, rows]` if it `is_turned`.
static void run_product(const struct product *product, int is_turned) {
  if (is_turned) multiply_strips(product, 1, product->keep != 0, product->keep);
  else multiply_strips(product, 0, product->keep != 0, product->keep);
}

/// Depth of a strip that stays in the first-level cache beside the rows that pass by.
#define STRIP_DEPTH (WIDTH == 16 ? 256 : 384)

static void linear(
    ck_type type, const void *weight, size_t outputs, size_t inputs, const float *x, size_t rows, size_t x_stride,
    float *out, size_t out_stride, int accumulate, float *scratch) {
  const size_t steps = (inputs + STRIP_DEPTH - 1) / STRIP_DEPTH;
  for (size_t s = 0; s < steps; s++) {
    // Whole blocks of quantised types.
    const size_t blocks = (inputs + ck_block - 1) / ck_block;
    const size_t first = blocks * s / steps * ck_block, end = s + 1 == steps ? inputs : blocks * (s + 1) / steps * ck_block;
    const size_t depth = end - first;
    pack_weight(type, weight, inputs, outputs, first, depth, scratch);
    multiply_packed(x + first, rows, x_stride, scratch, outputs, depth, out, out_stride, accumulate || s > 0);
  }
}
