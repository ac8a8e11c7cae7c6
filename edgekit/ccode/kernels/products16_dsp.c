#include "dsp_word.c"
#include "dsp_pairs.c"
#include "word16.c"

#define LANE16 2 /* values from pixel to pixel in a patch */
/* Puts pairs of a pixel's inputs to every fourth pair of `patch`. */
static void spread16(const int16_t *from, int16_t *patch, int32_t count) {
  for (; count > 1; count -= 2, from += 2, patch += 8) memcpy(patch, from, 4);
  if (count > 0) {
    patch[0] = from[0];
    patch[1] = 0;
  }
}

#define STEP16(k)                                                     \
  do {                                                                \
    const uint32_t four = word(weights + 4 * (k));                    \
    const int32_t v = even16(four), w = odd16(four);                  \
    a = dot16(word16(patch + 8 * (k)), v, a);                         \
    b = dot16(word16(patch + 8 * (k)), w, b);                         \
    c = dot16(word16(patch + 8 * (k) + 2), v, c);                     \
    d = dot16(word16(patch + 8 * (k) + 2), w, d);                     \
    e = dot16(word16(patch + 8 * (k) + 4), v, e);                     \
    f = dot16(word16(patch + 8 * (k) + 4), w, f);                     \
    g = dot16(word16(patch + 8 * (k) + 6), v, g);                     \
    h = dot16(word16(patch + 8 * (k) + 6), w, h);                     \
  } while (0)

/* Adds products to the sums of two output channels of four pixels; `count` is even. */
static __attribute__((noinline)) void products16(const int16_t *patch, const int8_t *weights, int32_t count,
                                                 int32_t sums[8]) {
  int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3], e = sums[4], f = sums[5], g = sums[6], h = sums[7];
  for (const int8_t *const end = weights + 2 * (count & ~7); weights != end; weights += 16, patch += 32) {
    STEP16(0);
    STEP16(1);
    STEP16(2);
    STEP16(3);
  }
  for (const int8_t *const end = weights + 2 * (count & 7); weights != end; weights += 4, patch += 8) STEP16(0);
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
  sums[4] = e;
  sums[5] = f;
  sums[6] = g;
  sums[7] = h;
}
