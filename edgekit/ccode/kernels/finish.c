/* The sum of an output as it is stored, as `requantize` of TFLM has it: here sums are below 2^30 and no shift is to the
   left, so that both roundings are short. */
static inline int8_t finish(int32_t sum, int32_t multiplier, int32_t right, int32_t zero, int32_t low, int32_t high) {
  const int64_t product = (int64_t)(2 * sum) * multiplier;
  const int32_t doubled = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
  const int32_t twice = (doubled + (doubled >> 31)) >> (right - 1);
  return limited(((twice + 1) >> 1) + zero, low, high);
}
