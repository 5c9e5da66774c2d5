// Gradients of the log decays.

/// Derivatives by x and by the logarithm of the rate.
struct decay_slopes {
  floats x, log_rate;
};

INLINE struct decay_slopes log_decay_slopes(floats x, floats rate, float bound) {
  struct decay_slopes slopes;
  if (bound > -INFINITY) {
    slopes.x = bound * rate * sigmoid_of(rate * x) * sigmoid_of(-rate * x);
    slopes.log_rate = slopes.x * x;
  } else {
    slopes.x = -rate * sigmoid_of(x);
    slopes.log_rate = -rate * softplus_of(x);
  }
  return slopes;
}

static void log_decay_gradient(
    const float *x, const float *log_rate, const float *bias, float bound, size_t tokens, size_t heads, size_t channels,
    float *gradient, float *rate_sums, float *bias_sums) {
  const size_t columns = heads * channels;
  for (size_t c = 0; c < columns; c += WIDTH) {
    const size_t count = columns - c < WIDTH ? columns - c : WIDTH;
    float rates[WIDTH] = {0};
    for (size_t i = 0; i < count; i++) rates[i] = log_rate[(c + i) / channels];
    const floats rate = exp_of(load(rates)), b = load_first(bias + c, count);
    floats rate_sum = 0, bias_sum = 0;
    for (size_t t = 0; t < tokens; t++) {
      const float *row = x + t * columns + c;
      float *target = gradient + t * columns + c;
      const floats value = count == WIDTH ? load(row) : load_first(row, count);
      const floats reached = count == WIDTH ? load(target) : load_first(target, count);
      const struct decay_slopes slopes = log_decay_slopes(value + b, rate, bound);
      const floats passed = reached * slopes.x;
      rate_sum += reached * slopes.log_rate;
      bias_sum += passed;
      if (count == WIDTH) store(target, passed);
      else store_first(target, passed, count);
    }
    store_first(rate_sums + c, rate_sum, count);
    store_first(bias_sums + c, bias_sum, count);
  }
}

static void log_sigmoid_gradient(const float *x, float scale, size_t count, float *gradient) {
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH)
    store(gradient + i, load(gradient + i) * (scale * sigmoid_of(-load(x + i))));
  if (i < count)
    store_first(
        gradient + i, load_first(gradient + i, count - i) * (scale * sigmoid_of(-load_first(x + i, count - i))),
        count - i);
}
