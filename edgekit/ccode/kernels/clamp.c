static int8_t clamp_s8(int32_t x, int32_t low, int32_t high) {
  x = x < low ? low : x;
  return (int8_t)(x > high ? high : x);
}
