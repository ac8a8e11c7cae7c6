#include "dsp_word.c"
#include "dsp_pairs.c"
#include "dsp_bytes.c"

/* Adds to the sums of four output channels the products of inputs, in fours. They are two pairs; a word holds a pair's
   weights for two inputs. One product is two: a weight of the upper of a pair counts 256 times that of the lower, to
   which 128 is added. A function of its own, because in two loops its sums would not stay in registers. */
#define FOUR                                                \
  do {                                                      \
    const uint32_t x = word(row);                           \
    const int32_t even = even16(x), odd = odd16(x);         \
    const int32_t w = one[0], u = one[1];                   \
    a = dot16(odd, u, dot16(even, w, a));                   \
    b = dot16(odd, bytes16(u), dot16(even, bytes16(w), b)); \
    const int32_t v = other[0], t = other[1];               \
    c = dot16(odd, t, dot16(even, v, c));                   \
    d = dot16(odd, bytes16(t), dot16(even, bytes16(v), d)); \
    row += 4;                                               \
    one += 2;                                               \
    other += 2;                                             \
  } while (0)
static __attribute__((noinline)) void dot4(const int8_t *row, int32_t count, const int32_t *one, const int32_t *other,
                                           int32_t sums[4]) {
  const int8_t *const end = row + count;
  int32_t a = 0, b = 0, c = 0, d = 0;
  if (count & 4) FOUR;
  while (row != end) {
    FOUR;
    FOUR;
  }
  sums[0] += (a - b) >> 8;
  sums[1] = (int32_t)((uint32_t)sums[1] + (uint32_t)b);
  sums[2] += (c - d) >> 8;
  sums[3] = (int32_t)((uint32_t)sums[3] + (uint32_t)d);
}
