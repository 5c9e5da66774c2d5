// Rows of logits. Sums over a vocabulary are kept in double.

static float greatest_in_row(const float *x, size_t count) {
  floats greatest = (floats)-INFINITY;
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) greatest = greater_of(load(x + i), greatest);
  float result = greatest_of(greatest);
  for (; i < count; i++) result = x[i] > result ? x[i] : result;
  return result;
}

/// `sum exp(x - greatest)`.
static double exponential_sum(const float *x, size_t count, float greatest) {
  doubles sum = 0;
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) sum += __builtin_convertvector(exp_of(load(x + i) - greatest), doubles);
  double result = sum_of_doubles(&sum);
  for (; i < count; i++) result += exp((double)x[i] - greatest);
  return result;
}

static double log_sum_exp(const float *x, size_t count) {
  float greatest = greatest_in_row(x, count);
  if (greatest == -INFINITY) return -INFINITY;
  return greatest + log(exponential_sum(x, count, greatest));
}

static double divergence(const float *teacher, const float *student, size_t count) {
  const float p_greatest = greatest_in_row(teacher, count), q_greatest = greatest_in_row(student, count);
  const double p_sum = exponential_sum(teacher, count, p_greatest);
  const double q_sum = exponential_sum(student, count, q_greatest);
  // log p - log q = (teacher - its greatest) - (student - its greatest) - log(p_sum / q_sum)
  const double shift = log(p_sum) - log(q_sum);
  doubles sum = 0;
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) {
    floats t = load(teacher + i) - p_greatest, s = load(student + i) - q_greatest;
    doubles p = __builtin_convertvector(exp_of(t), doubles);
    doubles term = p * (__builtin_convertvector(t - s, doubles) - shift);
    sum += p > 0 ? term : 0;
  }
  double result = sum_of_doubles(&sum);
  for (; i < count; i++) {
    double t = (double)teacher[i] - p_greatest, s = (double)student[i] - q_greatest, p = exp(t);
    if (p > 0) result += p * (t - s - shift);
  }
  return result / p_sum;
}
