/* No layer of this model has limits of its own. */
static inline int8_t limited(int32_t x, int32_t low, int32_t high) {
  (void)low;
  (void)high;
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
  return (int8_t)__builtin_arm_ssat(x, 8);
#else
  return (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x);
#endif
}
