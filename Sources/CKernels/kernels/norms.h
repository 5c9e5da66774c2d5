// Norms over groups of columns.

static float sum_of_squares(const float *x, size_t count) {
  floats sum0 = 0, sum1 = 0;
  size_t i = 0;
  for (; i + 2 * WIDTH <= count; i += 2 * WIDTH) {
    floats a = load(x + i), b = load(x + i + WIDTH);
    sum0 = multiply_add(a, a, sum0);
    sum1 = multiply_add(b, b, sum1);
  }
  for (; i < count; i += WIDTH) {
    floats a = i + WIDTH <= count ? load(x + i) : load_first(x + i, count - i);
    sum0 = multiply_add(a, a, sum0);
  }
  return sum_of(sum0 + sum1);
}

static void rms_norm(const float *x, const float *gain, float epsilon, size_t groups, size_t width, float *out) {
  for (size_t g = 0; g < groups; g++, x += width, out += width) {
    float factor = 1.0f / sqrtf(sum_of_squares(x, width) / (float)width + epsilon);
    size_t i = 0;
    for (; i + WIDTH <= width; i += WIDTH) store(out + i, load(x + i) * factor * load(gain + i));
    for (; i < width; i++) out[i] = x[i] * factor * gain[i];
  }
}

static void l2_normalize(float *x, float epsilon, size_t groups, size_t width) {
  for (size_t g = 0; g < groups; g++, x += width) {
    float factor = 1.0f / sqrtf(sum_of_squares(x, width) + epsilon);
    size_t i = 0;
    for (; i + WIDTH <= width; i += WIDTH) store(x + i, load(x + i) * factor);
    for (; i < width; i++) x[i] *= factor;
  }
}
