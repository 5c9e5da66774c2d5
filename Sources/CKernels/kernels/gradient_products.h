// Products of the backward pass of linear layers.

/// Strips of `width` columns, a constant, of `depth` rows that are `stride` apart, padded with zeros. A few rows at a time,
/// as whole columns of a wide matrix are too far apart for the first-level cache, and so are the strips.
INLINE void pack_rows(
    const float *rows, size_t stride, size_t columns, size_t depth, size_t width, float *packed) {
  for (size_t first = 0; first < depth; first += 4) {
    const size_t end = depth - first < 4 ? depth : first + 4;
    for (size_t c = 0; c < columns; c += width)
      for (size_t d = first; d < end; d++) {
        const float *source = rows + d * stride + c;
        float *target = packed + c * depth + d * width;
        // Whole vectors, whose ends the next row of the strip writes again.
        if (c + width <= columns && d + 1 < depth)
          for (size_t i = 0; i < width; i += WIDTH) store(target + i, load(source + i));
        else
          for (size_t i = 0; i < width; i++) target[i] = c + i < columns ? source[i] : 0;
      }
  }
}

/// Strips of the columns `first ..< first + columns` of `depth` rows that are `row_bytes` apart.
INLINE void pack_columns_of_type(
    ck_type type, const char *rows, size_t row_bytes, size_t first, size_t columns, size_t depth, float *packed) {
  for (size_t d = 0; d < depth; d++, rows += row_bytes, packed += STRIP) {
    for (size_t c = 0; c < columns; c += STRIP) {
      float *strip = packed + c * depth;
      if (c + STRIP <= columns) {
        store(strip, load_weights(type, rows, first + c));
        store(strip + WIDTH, load_weights(type, rows, first + c + WIDTH));
        continue;
      }
      for (size_t i = 0; i < STRIP; i += WIDTH) {
        const size_t count = c + i < columns ? columns - c - i : 0;
        store(
            strip + i, count >= WIDTH ? load_weights(type, rows, first + c + i)
                       : count > 0    ? load_first_weights(type, rows, first + c + i, count)
                                      : (floats)0);
      }
    }
  }
}

static void pack_columns(
    ck_type type, const void *rows, size_t row_bytes, size_t first, size_t columns, size_t depth, float *packed) {
#define PACK_CASE(TYPE) \
  case TYPE: return pack_columns_of_type(TYPE, rows, row_bytes, first, columns, depth, packed)
  switch (type) {
    PACK_CASE(ck_float32);
    PACK_CASE(ck_bfloat16);
    PACK_CASE(ck_float16);
    PACK_CASE(ck_q8_0);
    PACK_CASE(ck_q4_0);
  }
#undef PACK_CASE
}

/// Columns of a weight that are packed together: three strips of the widest.
#define PANEL_COLUMNS (3 * ck_widest_strip)

static void linear_input_gradient(
    ck_type type, const void *weight, size_t outputs, size_t inputs, size_t first, size_t columns, const float *gradient,
    size_t rows, size_t gradient_stride, float *out, size_t out_stride, int accumulate, float *scratch) {
  const size_t row_bytes = ck_row_bytes(type, inputs);
  const size_t steps = outputs > 0 ? (outputs + STRIP_DEPTH - 1) / STRIP_DEPTH : 1;
  // Rows that are whole pages apart would have a few lines of each cache for them all.
  const int copies = gradient_stride % 1024 == 0;
  float *copy = scratch + PANEL_COLUMNS * STRIP_DEPTH;
  for (size_t s = 0; s < steps; s++) {
    const size_t begin = outputs * s / steps, depth = outputs * (s + 1) / steps - begin;
    for (size_t r = 0; copies && r < rows; r++)
      memcpy(copy + r * depth, gradient + r * gradient_stride + begin, depth * sizeof(float));
    for (size_t c = 0; c < columns; c += PANEL_COLUMNS) {
      const size_t count = columns - c < PANEL_COLUMNS ? columns - c : PANEL_COLUMNS;
      pack_columns(type, (const char *)weight + begin * row_bytes, row_bytes, first + c, count, depth, scratch);
      multiply_packed(
          copies ? copy : gradient + begin, rows, copies ? depth : gradient_stride, scratch, count, depth, out + c,
          out_stride, accumulate || s > 0);
    }
  }
}

static void linear_weight_gradient(
    const float *gradient, size_t outputs, size_t gradient_stride, const float *x, size_t inputs, size_t x_stride,
    size_t tokens, float *out, size_t out_stride, float *scratch) {
  const size_t steps = (tokens + PACK_DEPTH - 1) / PACK_DEPTH;
  for (size_t s = 0; s < steps; s++) {
    const size_t begin = tokens * s / steps, depth = tokens * (s + 1) / steps - begin;
    // The gradient stays in the second-level cache for all inputs, a strip of x in the first for all outputs.
    float *strip = scratch, *packed = scratch + STRIP * PACK_DEPTH;
    pack_rows(gradient + begin * gradient_stride, gradient_stride, outputs, depth, BLOCK_ROWS, packed);
    for (size_t i = 0; i < inputs; i += STRIP) {
      const size_t columns = inputs - i < STRIP ? inputs - i : STRIP;
      pack_rows(x + begin * x_stride + i, x_stride, columns, depth, STRIP, strip);
      for (size_t o = 0; o < outputs; o += BLOCK_ROWS)
        multiply_block(
            depth, packed + o * depth, strip, 1, out + o * out_stride + i, out_stride,
            outputs - o < BLOCK_ROWS ? outputs - o : BLOCK_ROWS, columns);
    }
  }
}
