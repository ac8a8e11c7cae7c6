/* The even or odd bytes of a word as two values of 16 bits, the sum of two products, the larger of each of four bytes. */
#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
static inline int32_t even16(uint32_t x) { return __sxtb16((int32_t)x); }
static inline int32_t odd16(uint32_t x) { return __sxtb16((int32_t)(x >> 8)); }
static inline int32_t dot16(int32_t x, int32_t y, int32_t sum) { return __smlad(x, y, sum); }
static inline uint32_t max4(uint32_t x, uint32_t y) {
  (void)__ssub8((int32_t)x, (int32_t)y);
  return (uint32_t)__sel((uint32_t)x, (uint32_t)y);
}
#else /* the same in plain C, so that the code runs anywhere */
static inline int32_t even16(uint32_t x) {
  return (int32_t)((uint32_t)(uint16_t)(int8_t)(uint8_t)x | (uint32_t)(uint16_t)(int8_t)(uint8_t)(x >> 16) << 16);
}
static inline int32_t odd16(uint32_t x) { return even16(x >> 8); }
static inline int32_t dot16(int32_t x, int32_t y, int32_t sum) {
  const int32_t low = (int16_t)(uint16_t)(uint32_t)x * (int16_t)(uint16_t)(uint32_t)y;
  return sum + low + (x >> 16) * (y >> 16);
}
static inline uint32_t max4(uint32_t x, uint32_t y) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < 32; i += 8) {
    const uint32_t a = x >> i & 255u, b = y >> i & 255u;
    most |= ((int8_t)(uint8_t)a > (int8_t)(uint8_t)b ? a : b) << i;
  }
  return most;
}
#endif

static inline uint32_t word(const int8_t *from) {
  uint32_t x;
  memcpy(&x, from, 4);
  return x;
}

/* Values as pairs of 16 bits: of every four the even ones in one word, the odd ones in the next, which is `step` words
   further. What is left of the last four is zero. */
static void widen(const int8_t *from, int32_t *to, int32_t count, int32_t step) {
  for (; count >= 4; count -= 4, from += 4, to += 2 * step) {
    const uint32_t x = word(from);
    to[0] = even16(x);
    to[step] = odd16(x);
  }
  if (count > 0) {
    int8_t last[4] = {0, 0, 0, 0};
    memcpy(last, from, (size_t)count);
    to[0] = even16(word(last));
    to[step] = odd16(word(last));
  }
}
