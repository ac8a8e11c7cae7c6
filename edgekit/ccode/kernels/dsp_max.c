/* The larger of each of four bytes. */
#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
static inline uint32_t max4(uint32_t x, uint32_t y) {
  (void)__ssub8((int32_t)x, (int32_t)y);
  return (uint32_t)__sel(x, y);
}
#else /* the same in plain C, so that the code runs anywhere */
static inline uint32_t max4(uint32_t x, uint32_t y) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < 32; i += 8) {
    const uint32_t a = x >> i & 255u, b = y >> i & 255u;
    most |= ((int8_t)(uint8_t)a > (int8_t)(uint8_t)b ? a : b) << i;
  }
  return most;
}
#endif
