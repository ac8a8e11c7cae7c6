#include "narrow.c"

#ifdef NARROW
/* Adds to the sums of four output channels the products of inputs, in fours. They are two pairs; a word holds a pair's
   weights for two inputs, 128 added to those of the lower. */
static void dot2(const int8_t *row, int32_t count, const int32_t *pair, int32_t sums[2]) {
  int32_t a = sums[0];
  uint32_t b = (uint32_t)sums[1];
  for (; count > 0; count -= 2, row += 2, pair++) {
    const uint32_t w = (uint32_t)*pair;
    a += row[0] * (int8_t)(uint8_t)(w >> 24) + row[1] * (int8_t)(uint8_t)(w >> 8);
    b += (uint32_t)(row[0] * (int32_t)(w & 255u) + row[1] * (int32_t)(w >> 16 & 255u));
  }
  sums[0] = a;
  sums[1] = (int32_t)b;
}

static void dot4(const int8_t *row, int32_t count, const int32_t *one, const int32_t *other, int32_t sums[4]) {
  dot2(row, count, one, sums);
  dot2(row, count, other, sums + 2);
}
#else
/* Adds to the sums of four output channels the products of inputs, in fours. They are two pairs; a word holds a pair's
   weights for two inputs. One product is two: the upper of a pair lies 24 bits above the lower, to whose weights 128 is
   added. A function of its own, because in two loops its sums would not stay in registers. */
#define OUTER(word) (int32_t)((word) & 0xff0000ffu)
static __attribute__((noinline)) void dot4(const int8_t *row, int32_t count, const int32_t *one, const int32_t *other,
                                           int32_t sums[4]) {
  int64_t a = 0, b = 0;
  for (const int8_t *const end = row + count; row != end; row += 2, one++, other++) {
    const uint32_t w = (uint32_t)*one, v = (uint32_t)*other;
    a += (int64_t)row[0] * OUTER(w);
    b += (int64_t)row[0] * OUTER(v);
    a += (int64_t)row[1] * OUTER(w << 16 | w >> 16);
    b += (int64_t)row[1] * OUTER(v << 16 | v >> 16);
  }
  const int32_t low[2] = {(int32_t)((uint32_t)a << 8) >> 8, (int32_t)((uint32_t)b << 8) >> 8};
  sums[0] += (int32_t)((a - low[0]) >> 24);
  sums[1] = (int32_t)((uint32_t)sums[1] + (uint32_t)low[0]);
  sums[2] += (int32_t)((b - low[1]) >> 24);
  sums[3] = (int32_t)((uint32_t)sums[3] + (uint32_t)low[1]);
}
#endif
