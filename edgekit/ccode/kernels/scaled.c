/* `requantize` where it is short: x is below 2^30 and is shifted to the right; by 0 it is halved, an even x and 2^30. */
static inline int32_t scaled(int32_t x, int32_t multiplier, int32_t right) {
  if (right == 0) return x / 2;
  const int64_t product = (int64_t)(2 * x) * multiplier;
  const int32_t doubled = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
  const int32_t twice = (doubled + (doubled >> 31)) >> (right - 1);
  return (twice + 1) >> 1;
}
