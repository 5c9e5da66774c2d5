// Derivatives of norms, activations and gains, and sums over rows.

static void add_rows(const float *x, size_t rows, size_t stride, size_t columns, float *out) {
  for (size_t c = 0; c < columns; c += WIDTH) {
    floats sum = load_rest(out + c, columns - c);
    // Sums of sums: fewer roundings in a row.
    for (size_t first = 0; first < rows; first += 64) {
      const size_t end = rows - first < 64 ? rows : first + 64;
      floats block = 0;
      for (size_t r = first; r < end; r++) block += load_rest(x + r * stride + c, columns - c);
      sum += block;
    }
    store_rest(out + c, sum, columns - c);
  }
}

static void scale_gradient(
    const float *x, const float *gain, float *gradient, size_t groups, size_t width, float *gain_gradient) {
  for (size_t g = 0; g < groups; g++, x += width, gradient += width)
    for (size_t i = 0; i < width; i += WIDTH) {
      const size_t rest = width - i;
      const floats d = load_rest(gradient + i, rest);
      store_rest(gradient + i, d * load_rest(gain + i, rest), rest);
      if (!gain_gradient) continue;
      store_rest(
          gain_gradient + i, multiply_add(d, load_rest(x + i, rest), load_rest(gain_gradient + i, rest)), rest);
    }
}

static void rms_norm_gradient(
    const float *x, const float *gain, float epsilon, const float *gradient, size_t groups, size_t width,
    float *x_gradient, float *gain_gradient) {
  for (size_t g = 0; g < groups; g++, x += width, gradient += width, x_gradient += width) {
    // With r = 1 / sqrt(mean(x^2) + epsilon) and d = gradient * gain: r d - x r^3 mean(x d).
    floats squares = 0, products = 0;
    for (size_t i = 0; i < width; i += WIDTH) {
      const size_t rest = width - i;
      const floats v = load_rest(x + i, rest), d = load_rest(gradient + i, rest) * load_rest(gain + i, rest);
      squares = multiply_add(v, v, squares);
      products = multiply_add(v, d, products);
    }
    const float r = 1.0f / sqrtf(sum_of(squares) / (float)width + epsilon);
    const floats factor = (floats)r, share = (floats)(r * r * r * (sum_of(products) / (float)width));
    for (size_t i = 0; i < width; i += WIDTH) {
      const size_t rest = width - i;
      const floats v = load_rest(x + i, rest), d = load_rest(gradient + i, rest);
      if (gain_gradient)
        store_rest(gain_gradient + i, multiply_add(d, factor * v, load_rest(gain_gradient + i, rest)), rest);
      store_rest(x_gradient + i, factor * (d * load_rest(gain + i, rest)) - share * v, rest);
    }
  }
}

static void l2_normalize_gradient(const float *x, float epsilon, float *gradient, size_t groups, size_t width) {
  for (size_t g = 0; g < groups; g++, x += width, gradient += width) {
    // With r = 1 / sqrt(sum(x^2) + epsilon): r gradient - x r^3 sum(x gradient).
    floats squares = 0, products = 0;
    for (size_t i = 0; i < width; i += WIDTH) {
      const floats v = load_rest(x + i, width - i);
      squares = multiply_add(v, v, squares);
      products = multiply_add(v, load_rest(gradient + i, width - i), products);
    }
    const float r = 1.0f / sqrtf(sum_of(squares) + epsilon);
    const floats factor = (floats)r, share = (floats)(r * r * r * sum_of(products));
    for (size_t i = 0; i < width; i += WIDTH) {
      const size_t rest = width - i;
      store_rest(
          gradient + i, factor * load_rest(gradient + i, rest) - share * load_rest(x + i, rest), rest);
    }
  }
}

// MARK: activations

/// sigmoid(x) and sigmoid(-x), neither as a difference from 1, which would lose the digits of the smaller.
INLINE void sigmoids_of(floats x, floats *up, floats *down) {
  const floats y = exp_of(x < 0.0f ? x : -x), greater = 1.0f / (1.0f + y), smaller = y * greater;
  *up = x < 0.0f ? smaller : greater;
  *down = x < 0.0f ? greater : smaller;
}

INLINE floats silu_slope_of(floats x) {
  floats up, down;
  sigmoids_of(x, &up, &down);
  return up * multiply_add(x, down, (floats)1.0f);
}

static void silu_gradient(const float *x, float *gradient, size_t count) {
  for (size_t i = 0; i < count; i += WIDTH) {
    const size_t rest = count - i;
    store_rest(gradient + i, load_rest(gradient + i, rest) * silu_slope_of(load_rest(x + i, rest)), rest);
  }
}

static void sigmoid_gradient(const float *y, float *gradient, size_t count) {
  for (size_t i = 0; i < count; i += WIDTH) {
    const size_t rest = count - i;
    const floats v = load_rest(y + i, rest);
    store_rest(gradient + i, load_rest(gradient + i, rest) * (v * (1.0f - v)), rest);
  }
}

static void multiply_silu_gradient(
    const float *x, const float *gate, float *gradient, float *gate_gradient, size_t count) {
  for (size_t i = 0; i < count; i += WIDTH) {
    const size_t rest = count - i;
    const floats z = load_rest(gate + i, rest), d = load_rest(gradient + i, rest);
    floats up, down;
    sigmoids_of(z, &up, &down);
    store_rest(gate_gradient + i, d * load_rest(x + i, rest) * (up * multiply_add(z, down, (floats)1.0f)), rest);
    store_rest(gradient + i, d * (z * up), rest);
  }
}

static void multiply_sigmoid_gradient(
    const float *x, const float *gate, float *gradient, float *gate_gradient, size_t count) {
  for (size_t i = 0; i < count; i += WIDTH) {
    const size_t rest = count - i;
    const floats d = load_rest(gradient + i, rest);
    floats up, down;
    sigmoids_of(load_rest(gate + i, rest), &up, &down);
    store_rest(gate_gradient + i, d * load_rest(x + i, rest) * (up * down), rest);
    store_rest(gradient + i, d * up, rest);
  }
}
