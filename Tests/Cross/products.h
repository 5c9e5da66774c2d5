// Products, and the types that weights have.

static void check_products(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  EACH(inputs_of, 1, 2, 7, 9, 33, 100, 403, 800) EACH(outputs_of, 1, 3, 8, 13, 37, 70) {
    const size_t inputs = is_quantised(type) ? (*inputs_of + ck_block - 1) / ck_block * ck_block : *inputs_of;
    const size_t outputs = *outputs_of, x_stride = inputs + 3, out_stride = outputs + 2;
    void *weight = random_weight(plain, type, outputs, inputs);
    EACH(rows_of, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 29) {
      const size_t rows = *rows_of, results = (rows - 1) * out_stride + outputs;
      float *x = random_floats((rows - 1) * x_stride + inputs, -1, 1);
      float *first = random_floats(results, -1, 1), *found = copy(first, results), *expected = copy(first, results);
      if (rows <= ck_gemv_rows) {
        float *scratch = space(rows * inputs);
        tested->gemv(type, weight, outputs, inputs, x, rows, x_stride, found, out_stride, scratch);
        plain->gemv(type, weight, outputs, inputs, x, rows, x_stride, expected, out_stride, scratch);
        compare_sums("gemv", inputs, found, expected, results);
        free(scratch);
      }
      float *scratch = space(ck_linear_scratch(outputs, inputs));
      for (int accumulate = 0; accumulate < 2; accumulate++) {
        tested->linear(type, weight, outputs, inputs, x, rows, x_stride, found, out_stride, accumulate, scratch);
        plain->linear(type, weight, outputs, inputs, x, rows, x_stride, expected, out_stride, accumulate, scratch);
        compare_sums("linear", inputs, found, expected, results);
      }
      free(x), free(first), free(found), free(expected), free(scratch);
    }
    free(weight);
  }
}

/// Rows that become integers for a quantised weight: the smallest, ties, what rounds up to too large an integer, the
/// largest, and what is not finite, beside a block of zeros.
static void check_rounding(const ck_kernels *tested, const ck_kernels *plain, ck_type type) {
  enum { inputs = 3 * ck_block, outputs = 11, rows = 8 };
  void *weight = random_weight(plain, type, outputs, inputs);
  float *x = random_floats(rows * inputs, -1, 1), *scratch = space(rows * inputs);
  float found[rows * outputs], expected[rows * outputs];
  for (size_t i = 0; i < inputs; i++) {
    x[i] *= 0x1p-120f;
    x[inputs + i] = ((float)(i % 64) - 31.5f) * 0x1p-14f + (i % ck_block == 0);
    x[2 * inputs + i] = i % 3 ? 0x1.fffffep0f : -0x1.fffffep0f;
    x[3 * inputs + i] *= 0x1p126f;
  }
  x[4 * inputs + 7] = INFINITY, x[5 * inputs + 40] = -INFINITY, x[6 * inputs + 80] = NAN;
  for (int i = 0; i < ck_block; i++) x[7 * inputs + ck_block + i] = 0;
  tested->gemv(type, weight, outputs, inputs, x, rows, inputs, found, outputs, scratch);
  plain->gemv(type, weight, outputs, inputs, x, rows, inputs, expected, outputs, scratch);
  for (size_t r = 0; r < rows; r++) compare("gemv", sums, found + r * outputs, expected + r * outputs, outputs);
  free(weight), free(x), free(scratch);
}

static void check_sgemm(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(m_of, 1, 5, 13, 101) EACH(n_of, 1, 9, 37) EACH(k_of, 1, 30, 300) for (int turns = 0; turns < 4; turns++) {
    const size_t m = *m_of, n = *n_of, k = *k_of;
    const int turn_a = turns & 1 ? ck_transpose : ck_no_transpose, turn_b = turns & 2 ? ck_transpose : ck_no_transpose;
    const int lda = (int)(turns & 1 ? m : k), ldb = (int)(turns & 2 ? k : n);
    float *a = random_floats(m * k, -1, 1), *b = random_floats(k * n, -1, 1), *c = random_floats(m * n, -1, 1);
    for (int b_share = 0; b_share < 3; b_share++) {
      float *found = copy(c, m * n), *expected = copy(c, m * n);
      const float beta = 0.5f * (float)b_share;
      tested->sgemm(
          ck_row_major, turn_a, turn_b, (int)m, (int)n, (int)k, 0.7f, a, lda, b, ldb, beta, found, (int)n);
      plain->sgemm(
          ck_row_major, turn_a, turn_b, (int)m, (int)n, (int)k, 0.7f, a, lda, b, ldb, beta, expected, (int)n);
      compare_sums("sgemm", k, found, expected, m * n);
      free(found), free(expected);
    }
    free(a), free(b), free(c);
  }
}

/// The payload of a NaN is nobody's concern.
static void make_one_of_nan(float *x, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (isnan(x[i])) x[i] = NAN;
}

/// Every 16-bit value, and blocks of the quantised types.
static void check_widening(const ck_kernels *tested, const ck_kernels *plain) {
  const size_t all = 1 << 16;
  uint16_t *halves = bytes(all * sizeof *halves);
  for (size_t i = 0; i < all; i++) halves[i] = (uint16_t)i;
  float *found = space(all), *expected = space(all);
  for (ck_type type = ck_bfloat16; type <= ck_float16; type++) EACH(less, 0, 1, 5) {
    tested->widen(type, halves, all - *less, found);
    plain->widen(type, halves, all - *less, expected);
    make_one_of_nan(found, all - *less), make_one_of_nan(expected, all - *less);
    compare_bits("widen", found, expected, (all - *less) * sizeof(float));
  }
  free(halves), free(found), free(expected);
  for (ck_type type = ck_float32; type <= ck_q4_0; type++) {
    const size_t count = 96;
    void *weight = random_weight(plain, type, 1, count);
    float *wide = space(count), *wanted = space(count);
    tested->widen(type, weight, count, wide);
    plain->widen(type, weight, count, wanted);
    compare_bits("widen", wide, wanted, count * sizeof(float));
    free(weight), free(wide), free(wanted);
  }
}

/// Values of all sizes, ties between two narrow values, infinities, NaN and denormals.
static float *awkward_floats(size_t count) {
  float *x = space(count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = random_bits();
    if (i % 3 == 1) bits = (bits & 0xFFFF0000u) | 0x8000u;
    if (i % 3 == 2) bits = (bits & 0x8FFFE000u) | (0x38000000u + (bits & 0x7F000000u) % 0x10000000u) | 0x1000u;
    memcpy(x + i, &bits, sizeof bits);
  }
  return x;
}

static void check_narrowing(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 60001) for (ck_type type = ck_bfloat16; type <= ck_float16; type++) {
    const size_t count = *count_of;
    float *x = awkward_floats(count);
    uint16_t *found = bytes(2 * count), *expected = bytes(2 * count);
    ck_narrowing found_lost = {0}, expected_lost = {0};
    tested->narrow(type, x, count, found, &found_lost);
    plain->narrow(type, x, count, expected, &expected_lost);
    compare_bits("narrow", found, expected, 2 * count);
    compare_bits("narrow", &found_lost, &expected_lost, sizeof found_lost);
    free(x), free(found), free(expected);
  }
}

static void check_quantising(const ck_kernels *tested, const ck_kernels *plain) {
  for (ck_type type = ck_q8_0; type <= ck_q4_0; type++) {
    const size_t count = 64 * ck_block, size = ck_row_bytes(type, count);
    float *x = random_floats(count, -1, 1);
    memset(x + 3 * ck_block, 0, ck_block * sizeof *x);  // a block of zeros, and one that has no scale
    x[7 * ck_block + 5] = INFINITY;
    void *found = bytes(size), *expected = bytes(size);
    ck_quantization found_error = {0}, expected_error = {0};
    tested->quantize(type, x, count, found, &found_error);
    plain->quantize(type, x, count, expected, &expected_error);
    compare_bits("quantize", found, expected, size);
    free(x), free(found), free(expected);
  }
}

static void check_statistics(const ck_kernels *tested, const ck_kernels *plain) {
  EACH(count_of, 1, 7, 50, 5001) {
    const size_t count = *count_of;
    float *x = awkward_floats(count), *y = copy(x, count);
    for (size_t i = 0; i < count; i += 3) x[i] = uniform(-1, 1), y[i] = uniform(-1, 1);
    ck_statistics found = {.least = INFINITY, .greatest = -INFINITY}, expected = found;
    tested->statistics(x, count, &found);
    plain->statistics(x, count, &expected);
    compare_doubles("statistics", double_sums, found.sum, expected.sum);
    compare_doubles("statistics", double_sums, found.squares, expected.squares);
    found.sum = expected.sum, found.squares = expected.squares;
    if (memcmp(&found, &expected, sizeof found) != 0) note(kernel_named("statistics", double_sums), INFINITY);
    ck_difference found_apart = {0}, expected_apart = {0};
    tested->difference(x, y, count, &found_apart);
    plain->difference(x, y, count, &expected_apart);
    compare_bits("difference", &found_apart, &expected_apart, sizeof found_apart);
    free(x), free(y);
  }
}
