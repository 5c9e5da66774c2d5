// What the values of a tensor are like.

static void statistics(const float *x, size_t count, ck_statistics *sums) {
  floats least = (floats)sums->least, greatest = (floats)sums->greatest;
  doubles total = 0, squares = 0;
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) {
    floats v = load(x + i);
    // What is not finite is counted below and left out here.
    ints finite = ((words)v & 0x7FFFFFFFu) < 0x7F800000u;
    floats low = finite ? v : (floats)INFINITY, high = finite ? v : (floats)-INFINITY, term = finite ? v : 0;
    least = low < least ? low : least;
    greatest = high > greatest ? high : greatest;
    doubles wide = __builtin_convertvector(term, doubles);
    total += wide;
    squares += wide * wide;
  }
  sums->sum += sum_of_doubles(&total);
  sums->squares += sum_of_doubles(&squares);
  for (int lane = 0; lane < WIDTH; lane++) {
    if (least[lane] < sums->least) sums->least = least[lane];
    if (greatest[lane] > sums->greatest) sums->greatest = greatest[lane];
  }
  for (; i < count; i++) {
    if (!isfinite(x[i])) continue;
    if (x[i] < sums->least) sums->least = x[i];
    if (x[i] > sums->greatest) sums->greatest = x[i];
    sums->sum += x[i];
    sums->squares += (double)x[i] * x[i];
  }
  for (i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    sums->exponents[magnitude >> 23]++;
    sums->zeros += magnitude == 0;
    sums->infinities += magnitude == 0x7F800000u;
  }
  sums->count += count;
}

/// Plain, as it is seldom asked for and then bound by reading.
static void difference(const float *x, const float *y, size_t count, ck_difference *sums) {
  float largest = sums->largest;
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    if (x[i] == y[i] || (isnan(x[i]) && isnan(y[i]))) continue;
    sums->differing++;
    float apart = fabsf(x[i] - y[i]);
    if (!isfinite(apart)) {
      sums->incomparable++;
      continue;
    }
    largest = apart > largest ? apart : largest;
    sum += apart;
  }
  sums->largest = largest;
  sums->sum += sum;
  sums->count += count;
}
