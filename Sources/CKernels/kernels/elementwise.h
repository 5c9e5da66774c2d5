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
ON_EACH_PAIR(multiply_silu, v * (w * sigmoid_of(w)))

static void log_decay(float *x, const float *log_rate, const float *bias, size_t tokens, size_t heads) {
  for (size_t h = 0; h < heads; h++) {
    float rate = expf(log_rate[h]);
    for (size_t t = 0; t < tokens; t++) {
      float z = x[t * heads + h] + bias[h];
      float softplus = (z > 0 ? z : 0) + log1pf(expf(-fabsf(z)));
      x[t * heads + h] = -rate * softplus;
    }
  }
}

static void rotate(float *x, size_t heads, size_t dimension, const float *cosine, const float *sine) {
  size_t half = dimension / 2;
  for (size_t h = 0; h < heads; h++) {
    float *first = x + h * dimension, *second = first + half;
    size_t i = 0;
    for (; i + WIDTH <= half; i += WIDTH) {
      floats a = load(first + i), b = load(second + i), c = load(cosine + i), s = load(sine + i);
      store(first + i, a * c - b * s);
      store(second + i, b * c + a * s);
    }
    for (; i < half; i++) {
      float a = first[i], b = second[i];
      first[i] = a * cosine[i] - b * sine[i];
      second[i] = b * cosine[i] + a * sine[i];
    }
  }
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
