// Operations on each element alone.

/// Defines `name(x, count)`, which replaces every element by EXPRESSION of `v`.
#define ON_EACH(name, EXPRESSION)                                   \
  static void name(float *x, size_t count) {                        \
    size_t i = 0;                                                   \
    for (; i + WIDTH <= count; i += WIDTH) {                        \
      floats v = load(x + i);                                       \
      store(x + i, EXPRESSION);                                     \
    }                                                               \
    if (i < count) {                                                \
      floats v = load_first(x + i, count - i);                      \
      store_first(x + i, EXPRESSION, count - i);                    \
    }                                                               \
  }

/// The same with a second operand `w`.
#define ON_EACH_PAIR(name, EXPRESSION)                                                        \
  static void name(float *x, const float *y, size_t count) {                                  \
    size_t i = 0;                                                                             \
    for (; i + WIDTH <= count; i += WIDTH) {                                                  \
      floats v = load(x + i), w = load(y + i);                                                \
      store(x + i, EXPRESSION);                                                               \
    }                                                                                         \
    if (i < count) {                                                                          \
      floats v = load_first(x + i, count - i), w = load_first(y + i, count - i);              \
      store_first(x + i, EXPRESSION, count - i);                                              \
    }                                                                                         \
  }

ON_EACH(exponential, exp_of(v))
ON_EACH(silu, v * sigmoid_of(v))
ON_EACH(sigmoid, sigmoid_of(v))
ON_EACH_PAIR(add, v + w)
ON_EACH_PAIR(multiply, v * w)
ON_EACH_PAIR(multiply_sigmoid, v * sigmoid_of(w))
ON_EACH_PAIR(multiply_silu, v * (w * sigmoid_of(w)))

static void log_sigmoid(float *x, float scale, size_t count) {
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) store(x + i, -scale * softplus_of(-load(x + i)));
  if (i < count) store_first(x + i, -scale * softplus_of(-load_first(x + i, count - i)), count - i);
}

INLINE floats log_decay_of(floats x, floats rate, float bound) {
  return bound > -INFINITY ? bound * sigmoid_of(rate * x) : -rate * softplus_of(x);
}

static void log_decay(
    float *x, const float *log_rate, const float *bias, float bound, size_t tokens, size_t heads, size_t channels) {
  const size_t columns = heads * channels;
  for (size_t c = 0; c < columns; c += WIDTH) {
    const size_t count = columns - c < WIDTH ? columns - c : WIDTH;
    float rates[WIDTH] = {0};
    for (size_t i = 0; i < count; i++) rates[i] = log_rate[(c + i) / channels];
    const floats rate = exp_of(load(rates)), b = load_first(bias + c, count);
    for (size_t t = 0; t < tokens; t++) {
      float *row = x + t * columns + c;
      if (count == WIDTH) store(row, log_decay_of(load(row) + b, rate, bound));
      else store_first(row, log_decay_of(load_first(row, count) + b, rate, bound), count);
    }
  }
}

/// By the angles times `direction`, a constant: 1, or -1 to turn back.
INLINE void rotate_heads(
    float *x, size_t heads, size_t dimension, const float *cosine, const float *sine, float direction) {
  size_t half = dimension / 2;
  for (size_t h = 0; h < heads; h++) {
    float *first = x + h * dimension, *second = first + half;
    size_t i = 0;
    for (; i + WIDTH <= half; i += WIDTH) {
      floats a = load(first + i), b = load(second + i), c = load(cosine + i), s = direction * load(sine + i);
      store(first + i, a * c - b * s);
      store(second + i, b * c + a * s);
    }
    for (; i < half; i++) {
      float a = first[i], b = second[i], s = direction * sine[i];
      first[i] = a * cosine[i] - b * s;
      second[i] = b * cosine[i] + a * s;
    }
  }
}

static void rotate(float *x, size_t heads, size_t dimension, const float *cosine, const float *sine) {
  rotate_heads(x, heads, dimension, cosine, sine, 1);
}

static void rotate_back(float *x, size_t heads, size_t dimension, const float *cosine, const float *sine) {
  rotate_heads(x, heads, dimension, cosine, sine, -1);
}

static void widen(ck_type type, const void *source, size_t count, float *target) {
  size_t i = 0;
#define WIDEN(TYPE) \
  for (; i + WIDTH <= count; i += WIDTH) store(target + i, load_weights(TYPE, source, i))
  if (type == ck_bfloat16) WIDEN(ck_bfloat16);
  if (type == ck_float16) WIDEN(ck_float16);
  if (type == ck_float32) WIDEN(ck_float32);
  if (type == ck_q8_0) WIDEN(ck_q8_0);
  if (type == ck_q4_0) WIDEN(ck_q4_0);
#undef WIDEN
  if (i < count) store_first(target + i, load_first_weights(type, source, i, count - i), count - i);
}
