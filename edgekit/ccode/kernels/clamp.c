static VALUE TYPED(clamp)(int32_t x, int32_t low, int32_t high) {
  x = x < low ? low : x;
  return (VALUE)(x > high ? high : x);
}
