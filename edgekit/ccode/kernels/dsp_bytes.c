/* The even bytes of a word, which have no sign, as two values of 16 bits. */
#if defined(__ARM_FEATURE_DSP)
static inline int32_t bytes16(int32_t x) { return (int32_t)__uxtb16((uint32_t)x); }
#else
static inline int32_t bytes16(int32_t x) { return x & 0x00ff00ff; }
#endif
