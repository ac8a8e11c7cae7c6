typedef int8_t gate_x;

static inline int32_t gate_clamp(int32_t x) { return x < -32768 ? -32768 : x > 32767 ? 32767 : x; }

/* Values as `gate_dot` reads them: as they are, but at `scratch` behind `skip` others if the output may lie where they
   lay. */
static inline const int8_t *gate_widen(const int8_t *from, int32_t count, void *scratch, int32_t skip) {
  return scratch ? memcpy((int8_t *)scratch + skip, from, (size_t)count) : from;
}

#define GATES(k)                     \
  do {                               \
    const int32_t y = x[k];          \
    a += y * weights[4 * (k)];       \
    b += y * weights[4 * (k) + 1];   \
    c += y * weights[4 * (k) + 2];   \
    d += y * weights[4 * (k) + 3];   \
  } while (0)

/* The sums of four gates, whose weights stand side by side; returns where the weights end. */
static const int8_t *gate_dot(const int8_t *x, const int8_t *weights, int32_t count, const int32_t bias[4],
                              int32_t sums[4]) {
  const int8_t *const fours = x + (count & ~3), *const end = x + count;
  int32_t a = bias[0], b = bias[1], c = bias[2], d = bias[3];
  for (; x != fours; x += 4, weights += 16) {
    GATES(0);
    GATES(1);
    GATES(2);
    GATES(3);
  }
  for (; x != end; x++, weights += 4) GATES(0);
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
  return weights;
}
