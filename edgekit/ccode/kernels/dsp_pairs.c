/* The even or odd bytes of a word as two values of 16 bits, and the sum of two products. */
#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
static inline int32_t even16(uint32_t x) { return __sxtb16((int32_t)x); }
static inline int32_t odd16(uint32_t x) { return __sxtb16((int32_t)(x >> 8)); }
static inline int32_t dot16(int32_t x, int32_t y, int32_t sum) { return __smlad(x, y, sum); }
#else /* the same in plain C, so that the code runs anywhere */
static inline int32_t even16(uint32_t x) {
  return (int32_t)((uint32_t)(uint16_t)(int8_t)(uint8_t)x | (uint32_t)(uint16_t)(int8_t)(uint8_t)(x >> 16) << 16);
}
static inline int32_t odd16(uint32_t x) { return even16(x >> 8); }
static inline int32_t dot16(int32_t x, int32_t y, int32_t sum) {
  const int32_t low = (int16_t)(uint16_t)(uint32_t)x * (int16_t)(uint16_t)(uint32_t)y;
  return sum + low + (x >> 16) * (y >> 16);
}
#endif
