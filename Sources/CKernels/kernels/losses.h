// Losses of rows, and their derivatives, which take the place of a row. Sums over a row are kept in double.

/// What `count` logits have of a vector, then such as have no probability.
INLINE floats load_logits(const float *x, size_t count) {
  if (count >= WIDTH) return load(x);
  floats lanes = (floats)-INFINITY;
  for (size_t i = 0; i < count; i++) lanes[i] = x[i];
  return lanes;
}

/// `sum exp(factor (x - greatest))`.
static double softened_sum(const float *x, size_t count, float greatest, float factor) {
  doubles sum = 0;
  for (size_t i = 0; i < count; i += WIDTH)
    sum += __builtin_convertvector(exp_of_negative(factor * (load_logits(x + i, count - i) - greatest)), doubles);
  return sum_of_doubles(&sum);
}

/// `x = factor exp(x - greatest)`.
static void scale_exponentials(float *x, size_t count, float greatest, float factor) {
  for (size_t i = 0; i < count; i += WIDTH)
    store_rest(x + i, factor * exp_of_negative(load_logits(x + i, count - i) - greatest), count - i);
}

/// `(exp(y) - 1 - y) / y^2` for |y| <= 1/2, to a relative error of 1e-7.
INLINE floats exponential_rest_of(floats y) {
  floats h = (floats)(1.0f / 40320);
  h = multiply_add(h, y, (floats)(1.0f / 5040));
  h = multiply_add(h, y, (floats)(1.0f / 720));
  h = multiply_add(h, y, (floats)(1.0f / 120));
  h = multiply_add(h, y, (floats)(1.0f / 24));
  h = multiply_add(h, y, (floats)(1.0f / 6));
  return multiply_add(h, y, (floats)0.5f);
}

/// `q - p` of `q = p exp(y)`, and `q - p - p y`, which is never negative. Where p and q are close, both come from y, so
/// that no digits cancel.
INLINE floats difference_of(floats p, floats q, floats y, floats *surplus) {
  const floats curve = y * y * exponential_rest_of(y), apart = q - p;
  const ints close = __builtin_elementwise_abs(y) < 0.5f;
  *surplus = close ? p * curve : (p > 0.0f ? apart - p * y : q);
  return close ? p * (y + curve) : apart;
}

/// The softened rows of a teacher, p, and a student, q: their exponentials relative to the greatest, and sums of those.
typedef struct softened_pair {
  float factor, p_greatest, q_greatest, apart;
  doubles p_sum, q_sum, difference;
  /// What makes exponentials probabilities, and the logarithm of their ratio that of probabilities.
  floats p_share, q_share, shift;
  doubles divergence;
} softened_pair;

INLINE floats softened_teacher(const softened_pair *pair, floats t) {
  return exp_of_negative(pair->factor * (t - pair->p_greatest));
}

INLINE floats softened_student(const softened_pair *pair, floats s) {
  return exp_of_negative(pair->factor * (s - pair->q_greatest));
}

/// The logarithm of the ratio of q and p. Logits that are close have an exact difference.
INLINE floats softened_ratio(const softened_pair *pair, floats t, floats s) {
  return pair->factor * ((s - t) - pair->apart);
}

INLINE void add_to_sums(softened_pair *pair, floats t, floats s) {
  floats surplus;
  const floats p = softened_teacher(pair, t), q = softened_student(pair, s);
  pair->p_sum += __builtin_convertvector(p, doubles);
  pair->q_sum += __builtin_convertvector(q, doubles);
  pair->difference += __builtin_convertvector(difference_of(p, q, softened_ratio(pair, t, s), &surplus), doubles);
}

/// As p and q both add up to 1, the surplus of q adds up to the divergence as p (log p - log q) does; and what their sums
/// are off by counts squared.
INLINE floats add_to_divergence(softened_pair *pair, floats t, floats s) {
  floats surplus;
  const floats p = pair->p_share * softened_teacher(pair, t), q = pair->q_share * softened_student(pair, s);
  const floats difference = difference_of(p, q, softened_ratio(pair, t, s) - pair->shift, &surplus);
  pair->divergence += __builtin_convertvector(surplus, doubles);
  return difference;
}

static double divergence_gradient(
    const float *teacher, float *student, size_t count, float temperature, float scale) {
  const size_t whole = count / WIDTH * WIDTH, rest = count - whole;
  const float slope = scale * temperature;
  softened_pair pair = {.factor = 1.0f / temperature};
  pair.p_greatest = greatest_in_row(teacher, count), pair.q_greatest = greatest_in_row(student, count);
  pair.apart = pair.q_greatest - pair.p_greatest;
  for (size_t i = 0; i < whole; i += WIDTH) add_to_sums(&pair, load(teacher + i), load(student + i));
  if (rest > 0) add_to_sums(&pair, load_logits(teacher + whole, rest), load_logits(student + whole, rest));

  const double p_sum = sum_of_doubles(&pair.p_sum), q_sum = sum_of_doubles(&pair.q_sum);
  // log(q_sum / p_sum), of close rows by how far the sums are apart.
  const double share = sum_of_doubles(&pair.difference) / p_sum;
  pair.shift = (floats)(float)(fabs(share) < 0.5 ? log1p(share) : log(q_sum / p_sum));
  pair.p_share = (floats)(float)(1 / p_sum), pair.q_share = (floats)(float)(1 / q_sum);
  for (size_t i = 0; i < whole; i += WIDTH)
    store(student + i, slope * add_to_divergence(&pair, load(teacher + i), load(student + i)));
  if (rest > 0) {
    const floats t = load_logits(teacher + whole, rest), s = load_logits(student + whole, rest);
    store_first(student + whole, slope * add_to_divergence(&pair, t, s), rest);
  }
  return (double)temperature * temperature * sum_of_doubles(&pair.divergence);
}

static double sparse_divergence_gradient(
    float *student, size_t count, const int32_t *ids, const float *log_probabilities, size_t entries, float scale,
    float *listed) {
  // The listed logits make room: what is left of the row is the class of all others.
  float greatest = -INFINITY;
  for (size_t k = 0; k < entries; k++) {
    listed[k] = student[ids[k]];
    student[ids[k]] = -INFINITY;
    greatest = listed[k] > greatest ? listed[k] : greatest;
  }
  const float rest_greatest = greatest_in_row(student, count);
  const int has_rest = rest_greatest > -INFINITY;
  const double rest_sum = has_rest ? softened_sum(student, count, rest_greatest, 1) : 0;
  greatest = rest_greatest > greatest ? rest_greatest : greatest;

  double sum = has_rest ? rest_sum * exp((double)rest_greatest - greatest) : 0, p_sum = 0;
  for (size_t k = 0; k < entries; k++) {
    sum += exp((double)listed[k] - greatest);
    p_sum += exp((double)log_probabilities[k]);
  }
  const double log_sum = greatest + log(sum), p_rest = entries < count && p_sum < 1 ? 1 - p_sum : 0;
  const double log_q_rest = has_rest ? rest_greatest + log(rest_sum) - log_sum : -INFINITY;
  // Rounding may have left the probabilities of the teacher off 1.
  const double total = p_sum + p_rest;

  double loss = p_rest > 0 ? p_rest * (log(p_rest) - log_q_rest) : 0;
  if (has_rest)
    scale_exponentials(student, count, rest_greatest, (float)(scale * (total * exp(log_q_rest) - p_rest) / rest_sum));
  else memset(student, 0, count * sizeof(float));
  for (size_t k = 0; k < entries; k++) {
    const double log_p = log_probabilities[k], p = exp(log_p), log_q = listed[k] - log_sum;
    if (p > 0) loss += p * (log_p - log_q);
    student[ids[k]] = (float)(scale * (total * exp(log_q) - p));
  }
  return loss;
}

static double cross_entropy_gradient(float *x, size_t count, size_t target, float scale) {
  const float greatest = greatest_in_row(x, count);
  const double sum = softened_sum(x, count, greatest, 1), loss = (double)greatest - x[target] + log(sum);
  scale_exponentials(x, count, greatest, (float)(scale / sum));
  x[target] = (float)(scale * expm1(-loss));
  return loss;
}

static double distance_gradient(const float *teacher, float *student, size_t count, int squared, float scale) {
  doubles squares = 0;
  for (size_t i = 0; i < count; i += WIDTH) {
    doubles apart =
        __builtin_convertvector(load_rest(student + i, count - i) - load_rest(teacher + i, count - i), doubles);
    squares += apart * apart;
  }
  const double mean = sum_of_doubles(&squares) / (double)count, distance = sqrt(mean);
  const double slope = squared ? 2 / (double)count : distance > 0 ? 1 / (distance * (double)count) : 0;
  const floats factor = (floats)(float)(scale * slope);
  for (size_t i = 0; i < count; i += WIDTH) {
    const size_t rest = count - i;
    store_rest(student + i, factor * (load_rest(student + i, rest) - load_rest(teacher + i, rest)), rest);
  }
  return squared ? mean : distance;
}
