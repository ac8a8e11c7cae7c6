/* The sum of an output as it is stored, as `requantize` of TFLM has it: here sums are below 2^30 and no shift is to the
   left, so that both roundings are short. `half` is half of what is shifted out. */
static inline int8_t finish(int32_t sum, int32_t multiplier, int32_t right, int32_t zero, int32_t low, int32_t high) {
  const int32_t doubled = (int32_t)(((int64_t)(2 * sum) * multiplier + ((int64_t)1 << 31)) >> 32);
  const int32_t half = (int32_t)((uint32_t)1 << (right - 1));
  return clamp_s8(((doubled + half + (doubled >> 31)) >> right) + zero, low, high);
}
