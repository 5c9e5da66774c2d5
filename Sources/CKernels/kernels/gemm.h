// A matrix product for machines without OpenBLAS: both operands packed along the reduction, a block of C in
// registers.

// Rows and vectors of the block of C that registers hold.
#if REGISTERS == 32
#define BLOCK_ROWS 12
#elif WIDTH == 8
#define BLOCK_ROWS 6
#else
#define BLOCK_ROWS 4
#endif
#define BLOCK_COLUMNS (2 * WIDTH)
// Rows of A packed at once, and the length of the reduction: 96 KiB, which the second-level cache holds.
#define PACK_ROWS 96
#define PACK_DEPTH 256

/// Packs `rows x depth` of a matrix in strips of `strip` rows, each strip by depth, padded with zeros.
static void pack(
    const float *source, size_t row_step, size_t depth_step, size_t rows, size_t depth, size_t strip, float *target) {
  for (size_t first = 0; first < rows; first += strip) {
    size_t count = rows - first < strip ? rows - first : strip;
    const float *block = source + first * row_step;
    for (size_t d = 0; d < depth; d++) {
      for (size_t r = 0; r < count; r++) target[d * strip + r] = block[r * row_step + d * depth_step];
      for (size_t r = count; r < strip; r++) target[d * strip + r] = 0;
    }
    target += strip * depth;
  }
}

/// `c += alpha a b` for one block; a and b are packed strips.
static void multiply_block(
    size_t depth, const float *a, const float *b, float alpha, float *c, size_t ldc, size_t rows, size_t columns) {
  floats sum[BLOCK_ROWS][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < BLOCK_ROWS; r++) sum[r][0] = sum[r][1] = 0;
  for (size_t d = 0; d < depth; d++, a += BLOCK_ROWS, b += BLOCK_COLUMNS) {
    floats b0 = load(b), b1 = load(b + WIDTH);
#pragma clang loop unroll(full)
    for (int r = 0; r < BLOCK_ROWS; r++) {
      sum[r][0] = multiply_add((floats)a[r], b0, sum[r][0]);
      sum[r][1] = multiply_add((floats)a[r], b1, sum[r][1]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < BLOCK_ROWS; r++) sum[r][0] *= alpha, sum[r][1] *= alpha;
  if (rows == BLOCK_ROWS && columns == BLOCK_COLUMNS) {
#pragma clang loop unroll(full)
    for (int r = 0; r < BLOCK_ROWS; r++, c += ldc) {
      store(c, load(c) + sum[r][0]);
      store(c + WIDTH, load(c + WIDTH) + sum[r][1]);
    }
    return;
  }
  float block[BLOCK_ROWS][BLOCK_COLUMNS];
#pragma clang loop unroll(full)
  for (int r = 0; r < BLOCK_ROWS; r++) {
    store(block[r], sum[r][0]);
    store(block[r] + WIDTH, sum[r][1]);
  }
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < columns; i++) c[r * ldc + i] += block[r][i];
}

static void scale_matrix(float *c, size_t ldc, size_t rows, size_t columns, float beta) {
  for (size_t r = 0; r < rows; r++) {
    if (beta == 0) memset(c + r * ldc, 0, columns * sizeof(float));
    else if (beta != 1)
      for (size_t i = 0; i < columns; i++) c[r * ldc + i] *= beta;
  }
}

/// `cblas_sgemm` for row-major matrices: `c = alpha op(a) op(b) + beta c`.
static void sgemm(
    int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc) {
  (void)order;
  _Alignas(64) float packed_a[PACK_ROWS * PACK_DEPTH];
  _Alignas(64) float packed_b[BLOCK_COLUMNS * PACK_DEPTH];
  const size_t rows = (size_t)m, columns = (size_t)n, depth = (size_t)k;
  const size_t a_row = transpose_a == ck_transpose ? 1 : (size_t)lda, a_depth = transpose_a == ck_transpose ? (size_t)lda : 1;
  const size_t b_column = transpose_b == ck_transpose ? (size_t)ldb : 1, b_depth = transpose_b == ck_transpose ? 1 : (size_t)ldb;
  scale_matrix(c, (size_t)ldc, rows, columns, beta);
  for (size_t d = 0; d < depth; d += PACK_DEPTH) {
    size_t deep = depth - d < PACK_DEPTH ? depth - d : PACK_DEPTH;
    for (size_t i = 0; i < rows; i += PACK_ROWS) {
      size_t high = rows - i < PACK_ROWS ? rows - i : PACK_ROWS;
      pack(a + i * a_row + d * a_depth, a_row, a_depth, high, deep, BLOCK_ROWS, packed_a);
      for (size_t j = 0; j < columns; j += BLOCK_COLUMNS) {
        size_t wide = columns - j < BLOCK_COLUMNS ? columns - j : BLOCK_COLUMNS;
        pack(b + j * b_column + d * b_depth, b_column, b_depth, wide, deep, BLOCK_COLUMNS, packed_b);
        for (size_t r = 0; r < high; r += BLOCK_ROWS) {
          size_t tall = high - r < BLOCK_ROWS ? high - r : BLOCK_ROWS;
          multiply_block(
              deep, packed_a + r * deep, packed_b, alpha, c + (i + r) * (size_t)ldc + j, (size_t)ldc, tall, wide);
        }
      }
    }
  }
}
