// The step of an optimiser.

static double sum_of_squares_in_double(const float *x, size_t count) {
  doubles sum = 0;
  for (size_t i = 0; i < count; i += WIDTH) {
    doubles v = __builtin_convertvector(load_rest(x + i, count - i), doubles);
    sum += v * v;
  }
  return sum_of_doubles(&sum);
}

static void adam_step(
    const ck_adam_step *step, float *parameters, const float *gradient, float *mean, float *variance, size_t count) {
  for (size_t i = 0; i < count; i += WIDTH) {
    const size_t rest = count - i;
    const floats g = step->gradient_scale * load_rest(gradient + i, rest), p = load_rest(parameters + i, rest);
    const floats m = multiply_add((floats)step->mean_keep, load_rest(mean + i, rest), step->mean_share * g);
    const floats v =
        multiply_add((floats)step->variance_keep, load_rest(variance + i, rest), step->variance_share * g * g);
    store_rest(mean + i, m, rest);
    store_rest(variance + i, v, rest);
    const floats root = __builtin_elementwise_sqrt(step->variance_factor * v);
    const floats change = step->mean_factor * m / (root + step->epsilon);
    store_rest(parameters + i, p - step->rate * multiply_add((floats)step->weight_decay, p, change), rest);
  }
}
