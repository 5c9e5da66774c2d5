// Depthwise causal convolution.

/// Row `t` of the sequence that begins with the history.
INLINE const float *sequence_row(
    const float *x, const float *history, size_t stride, size_t kept, size_t t) {
  return t < kept ? history + t * stride : x + (t - kept) * stride;
}

static void convolution(
    const float *x, size_t tokens, size_t channels, size_t stride, const float *weight, size_t kernel, float *history,
    float *out, float *scratch) {
  const size_t kept = kernel - 1;
  for (size_t c = 0; c < channels; c++)
    for (size_t j = 0; j < kernel; j++) scratch[j * ck_convolution_channels + c] = weight[c * kernel + j];

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
