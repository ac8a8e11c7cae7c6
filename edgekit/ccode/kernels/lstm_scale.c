/* `requantize` for products that do not leave 32 bits: a factor is multiplier, twice the power of two to the left, half
   of what is shifted out to the right, and that shift. */
static inline int32_t gate_scale(int32_t x, const int32_t factor[4]) {
  const int32_t high = (int32_t)(((int64_t)(x * factor[1]) * factor[0] + ((int64_t)1 << 31)) >> 32);
  return factor[2] ? (high + factor[2] + (high >> 31)) >> factor[3] : high;
}
