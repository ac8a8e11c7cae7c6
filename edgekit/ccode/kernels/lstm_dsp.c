#include "dsp_word.c"
#include "dsp_pairs.c"

typedef int32_t gate_x;

#if defined(__ARM_FEATURE_SAT)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* in GCC's own header */
static inline int32_t gate_clamp(int32_t x) { return __ssat(x, 16); }
#pragma GCC diagnostic pop
#else
static inline int32_t gate_clamp(int32_t x) { return x < -32768 ? -32768 : x > 32767 ? 32767 : x; }
#endif

/* The odd bytes of a word as two values of 16 bits, 256 times as large: they need no shift. */
static inline int32_t odd256(uint32_t x) { return (int32_t)(x & 0xFF00FF00u); }

/* Values as `gate_dot` reads them: of every four the even ones, 256 times as large, then the odd ones. They go to
   `scratch` behind `skip` others. */
static const int32_t *gate_widen(const int8_t *from, int32_t count, void *scratch, int32_t skip) {
  int32_t *const start = (int32_t *)scratch + (skip + 3) / 4 * 2, *to = start;
  for (; count > 0; count -= 4, from += 4, to += 2) {
    int8_t four[4] = {0, 0, 0, 0};
    memcpy(four, from, count < 4 ? (size_t)count : 4);
    to[0] = odd256(word(four) << 8);
    to[1] = odd16(word(four));
  }
  return start;
}

#define GATE(sum, at)                                                          \
  do {                                                                         \
    const uint32_t four = word(at);                                            \
    sum = dot16(odd, odd256(four), dot16(even, even16(four), sum));            \
  } while (0)
#define GATES(x)                                                               \
  do {                                                                         \
    const int32_t even = (x)[0], odd = (x)[1];                                 \
    GATE(a, weights);                                                          \
    GATE(b, weights + 4);                                                      \
    GATE(c, weights + 8);                                                      \
    GATE(d, weights + 12);                                                     \
    weights += 16;                                                             \
  } while (0)
#define LONGEST 126 /* fours of products, 256 times as large, that 32 bits hold */

/* The sums of four gates, whose weights stand side by side in fours; returns where the weights end. */
static __attribute__((noinline)) const int8_t *gate_dot(const int32_t *x, const int8_t *weights, int32_t count,
                                                        const int32_t bias[4], int32_t sums[4]) {
  int32_t left = (count + 3) >> 2;
  do {
    const int32_t fours = left < LONGEST ? left : LONGEST;
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (const int32_t *const end = x + 2 * (fours & ~1); x != end; x += 4) {
      GATES(x);
      GATES(x + 2);
    }
    if (fours & 1) {
      GATES(x);
      x += 2;
    }
    sums[0] = bias[0] + (a >> 8);
    sums[1] = bias[1] + (b >> 8);
    sums[2] = bias[2] + (c >> 8);
    sums[3] = bias[3] + (d >> 8);
    bias = sums;
    left -= fours;
  } while (left > 0);
  return weights;
}
