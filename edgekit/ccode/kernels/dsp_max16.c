/* The larger of each of two values. */
#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
static inline int32_t max2(int32_t x, int32_t y) {
  (void)__ssub16(x, y);
  return (int32_t)__sel((uint32_t)x, (uint32_t)y);
}
#else /* the same in plain C, so that the code runs anywhere */
static inline int32_t max2(int32_t x, int32_t y) {
  const uint32_t low = (uint32_t)((int16_t)(uint16_t)(uint32_t)x > (int16_t)(uint16_t)(uint32_t)y ? x : y) & 0xFFFFu;
  return (int32_t)(low | ((uint32_t)(x >> 16 > y >> 16 ? x : y) & 0xFFFF0000u));
}
#endif
