// Depthwise causal convolution.

/// Row `t` of the sequence that begins with the history.
INLINE const float *sequence_row(
    const float *x, const float *history, size_t stride, size_t kept, size_t t) {
  return t < kept ? history + t * stride : x + (t - kept) * stride;
}

/// Taps of `[channels, kernel]` as `[kernel, ck_convolution_channels]`.
static void turn_taps(const float *weight, size_t channels, size_t kernel, float *taps) {
  for (size_t c = 0; c < channels; c++)
    for (size_t j = 0; j < kernel; j++) taps[j * ck_convolution_channels + c] = weight[c * kernel + j];
}

static void convolution(
    const float *x, size_t tokens, size_t channels, size_t stride, const float *weight, size_t kernel, float *history,
    float *out, float *scratch) {
  const size_t kept = kernel - 1;
  turn_taps(weight, channels, kernel, scratch);

  for (size_t t = 0; t < tokens; t++) {
    float *target = out + t * stride;
    size_t c = 0;
    for (; c + WIDTH <= channels; c += WIDTH) {
      floats sum = 0;
      for (size_t j = 0; j < kernel; j++)
        sum = multiply_add(
            load(scratch + j * ck_convolution_channels + c), load(sequence_row(x, history, stride, kept, t + j) + c), sum);
      store(target + c, sum);
    }
    for (; c < channels; c++) {
      float sum = 0;
      for (size_t j = 0; j < kernel; j++)
        sum += scratch[j * ck_convolution_channels + c] * sequence_row(x, history, stride, kept, t + j)[c];
      target[c] = sum;
    }
  }
  // Ascending, so that a row is read before it is overwritten.
  for (size_t h = 0; h < kept; h++) {
    const float *row = sequence_row(x, history, stride, kept, tokens + h);
    for (size_t c = 0; c < channels; c++) history[h * stride + c] = row[c];
  }
}

static void convolution_gradient(
    const float *x, const float *gradient, size_t tokens, size_t channels, size_t stride, const float *weight,
    size_t kernel, float *x_gradient, float *sums, float *scratch) {
  turn_taps(weight, channels, kernel, scratch);
  memset(sums, 0, kernel * ck_convolution_channels * sizeof *sums);
  for (size_t t = 0; t < tokens; t++) {
    const float *reached = gradient + t * stride;
    float *target = x_gradient + t * stride;
    // Taps by which this token reaches later ones, and by which earlier ones reach it.
    const size_t later = tokens - t < kernel ? tokens - t : kernel, earlier = t + 1 < kernel ? t + 1 : kernel;
    size_t c = 0;
    for (; c + WIDTH <= channels; c += WIDTH) {
      floats sum = 0, g = load(reached + c);
      for (size_t back = 0; back < later; back++)
        sum = multiply_add(
            load(scratch + (kernel - 1 - back) * ck_convolution_channels + c), load(reached + back * stride + c), sum);
      for (size_t back = 0; back < earlier; back++) {
        float *tap = sums + (kernel - 1 - back) * ck_convolution_channels + c;
        store(tap, multiply_add(g, load(x + (t - back) * stride + c), load(tap)));
      }
      store(target + c, sum);
    }
    for (; c < channels; c++) {
      float sum = 0;
      for (size_t back = 0; back < later; back++)
        sum += scratch[(kernel - 1 - back) * ck_convolution_channels + c] * reached[back * stride + c];
      for (size_t back = 0; back < earlier; back++)
        sums[(kernel - 1 - back) * ck_convolution_channels + c] += reached[c] * x[(t - back) * stride + c];
      target[c] = sum;
    }
  }
}
